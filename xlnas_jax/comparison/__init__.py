"""Transfer methods side by side, on the same data with the same steps."""
