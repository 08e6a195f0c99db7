"""Stages that a layer is made of, and knobs of the whole network, one a file."""
