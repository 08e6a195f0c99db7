"""Commands on exported models."""
