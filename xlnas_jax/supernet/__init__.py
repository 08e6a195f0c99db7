"""The shared weights, and how an architecture of them runs."""
