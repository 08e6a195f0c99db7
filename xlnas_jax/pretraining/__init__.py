"""Language modelling of a supernet: texts, losses, curves, a model to search in."""
