"""Runs seen from outside: all of a folder, and one as it goes. Nothing is changed."""
