"""Original files of every format, read row by row; faults are named."""
