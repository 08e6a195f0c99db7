"""Benchmarks, in folders by question; `python -m benchmarks.FOLDER.NAME` runs one."""
