"""Websockets: frames to viewers, messages from them."""
