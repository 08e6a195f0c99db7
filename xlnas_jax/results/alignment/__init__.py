"""How alike languages lie inside an encoder, layer by layer: measured and shown."""
