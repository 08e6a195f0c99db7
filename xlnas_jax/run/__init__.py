"""A search in its directory: resumed, repeated, saved, ended."""
