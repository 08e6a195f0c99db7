"""The last choice: finalists and controls trained alone, and one of them picked."""
