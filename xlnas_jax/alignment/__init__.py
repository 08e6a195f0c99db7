"""Similarity of the spaces that translations are mapped to; one metric a file.

Every metric is a differentiable function of two matrices whose rows with the same
number are translations, in float32, and says what its ends mean. As a score it lies
between 0 and 1, where 1 is best: see `make_similarity`.
"""
