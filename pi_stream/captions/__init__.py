"""Captions: what a caption is, the fields of its text, and the store that keeps all captions. No drawing."""
