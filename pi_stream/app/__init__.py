"""The composition root: what the service is made of, in which order its parts start and stop, and its maintenance."""
