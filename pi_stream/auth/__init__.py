"""Passwords, tokens, sessions and links, and the rights that they give. No I/O, except in `store`."""
