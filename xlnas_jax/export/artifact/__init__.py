"""An exported model on the disk: written whole, checked, read again."""
