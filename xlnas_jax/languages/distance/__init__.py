"""How far two languages are: by what is known of them, and by text of them.

Nothing here is learnt, and no label is looked at.
"""
