"""Loss, decoding and official metrics of each kind of task."""
