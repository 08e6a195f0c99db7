"""From a YAML file to the sections of a configuration, and what of them may change."""
