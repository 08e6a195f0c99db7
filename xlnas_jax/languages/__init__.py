"""Languages: their codes, and who may be seen when."""
