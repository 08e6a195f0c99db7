"""Word embeddings of two languages brought into one space, and what is read there.

With a dictionary or with none; then dictionaries, translations mined from two texts,
and the sentences of two texts side by side. All of it is offline work in NumPy, and no
part of a search.
"""
