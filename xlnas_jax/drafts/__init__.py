"""A configuration drafted from a data file and a model, with what was found out."""
