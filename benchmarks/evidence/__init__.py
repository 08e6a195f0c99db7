"""What the figures of a search are worth."""
