"""Exported models behind HTTP: requests of many clients share the batches of each."""
