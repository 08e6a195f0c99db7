"""A pretrained model with further pieces, for a language that it does not cover."""
