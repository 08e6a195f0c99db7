"""The `xlnas` command."""
