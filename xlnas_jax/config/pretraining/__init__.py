"""Language modelling of a supernet: a file of its own, beside that of a search."""
