"""Fewer pieces in a vocabulary: which are kept, and what is made of the tokenizer."""
