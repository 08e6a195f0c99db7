"""Data: labelled text of many languages, as token arrays in length buckets."""
