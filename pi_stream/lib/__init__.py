"""Small general-purpose modules that know nothing of cameras."""
