"""What stages are made of that families have each their own way of, one a file."""
