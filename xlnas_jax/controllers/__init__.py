"""Search strategies behind one contract, one algorithm per file."""
