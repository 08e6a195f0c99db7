"""Tables of the pages, made from benchmarks/results: one file for each kind."""
