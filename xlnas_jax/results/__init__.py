"""The end of a search: official scores, controls, `front.json`, tables."""
