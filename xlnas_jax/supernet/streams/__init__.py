"""Two texts at once, which see each other in some of the layers."""
