"""Export: the chosen architecture as a network and an artifact of its own."""
