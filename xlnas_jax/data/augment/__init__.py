"""Training rows that are made of others: switched words, returned translations."""
