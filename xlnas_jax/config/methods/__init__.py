"""Options of transfer methods, and of the data that some of them take."""
