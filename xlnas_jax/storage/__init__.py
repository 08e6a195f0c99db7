"""What lies on the disk: trees of arrays, saved states, the run directory."""
