"""Options of what is made of training rows: how, and by whose translations."""
