"""Translations of words and texts, whoever makes them, behind one protocol."""
