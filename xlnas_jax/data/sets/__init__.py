"""Named data sets, one file each; `registry` finds them by name."""
