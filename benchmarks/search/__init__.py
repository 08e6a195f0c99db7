"""What strategies find, and with how many evaluations."""
