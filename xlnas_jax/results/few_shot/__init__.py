"""After the choice: the picked network trained on a few labelled rows of targets."""
