"""What is minimised, fronts of it, and what they say of a search."""
