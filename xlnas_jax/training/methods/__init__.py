"""Ways to carry weights across languages, one a file."""
