"""Who may do what: rights, and what proves them. Rules without I/O, but for `store`, which keeps them in a file."""
