"""Keys: in which order they have their effect, how they are written, the help and the command palette made of them."""
