"""Encoder families, one a file: how one computes, and what its weights are called."""
