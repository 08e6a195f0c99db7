"""Translations of training rows: whose, and what becomes of labels of words."""
