"""The bi-level loop: a round, its compiled functions, its candidates."""
