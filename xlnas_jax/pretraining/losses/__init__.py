"""What is learnt from texts that have no label, one loss a file."""
