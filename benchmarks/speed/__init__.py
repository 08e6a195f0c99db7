"""How fast, how large, how many programs: what a search costs."""
