"""Captions: what one is, the fields its text may hold, and the store that keeps them. No drawing."""
