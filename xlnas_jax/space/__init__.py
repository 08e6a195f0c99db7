"""What may vary, what it costs, and what is within limits."""
