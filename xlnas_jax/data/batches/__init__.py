"""From examples to token arrays of few shapes, and the order of training."""
