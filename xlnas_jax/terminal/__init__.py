"""What the terminal shows: text, tables, progress."""
