"""Exported networks as other libraries load them, one form a file."""
