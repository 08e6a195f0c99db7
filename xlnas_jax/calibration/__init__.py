"""What is measured once before a search: form, precision, latency."""
