"""The Python viewer: the newest pictures of a pi-stream as arrays, and captions for it."""
