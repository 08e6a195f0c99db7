"""What runs were, and what they found, as one page and its pictures."""
