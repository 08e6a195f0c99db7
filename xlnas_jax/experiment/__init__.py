"""Everything static of one run, and whether it makes sense."""
