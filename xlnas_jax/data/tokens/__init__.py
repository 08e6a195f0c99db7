"""Text to token ids, as the tokenizer of the model has it."""
