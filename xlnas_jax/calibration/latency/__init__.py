"""Latency on the machine at hand: measured on exported networks, then predicted."""
