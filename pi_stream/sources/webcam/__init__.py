"""USB webcams, by V4L2."""
