"""From inputs of any length to predictions of each kind of task."""
