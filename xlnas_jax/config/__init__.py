"""Every option, its default and its range: one file a section of the YAML."""
