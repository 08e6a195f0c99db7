"""How alike two languages lie in one space, in float64: for reports, not for searches.

Every measure takes two matrices whose rows with the same number are translations (one
of them, the spectrum, needs no pairs) and gives a number; `registry` says which end is
the good one. What runs inside a search is beside this package, in float32.
"""
