"""Small things that know nothing of cameras."""
