"""What is called at each address of the server."""
