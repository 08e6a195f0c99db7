"""Which pieces of a pretrained vocabulary are kept, and what they have of their own."""
