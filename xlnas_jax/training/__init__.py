"""How the shared weights learn, and the order of their units."""
