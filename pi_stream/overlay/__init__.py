"""Drawing: captions on frames, pictures of a text, and the picture that is shown while a camera is offline."""

from pi_stream.overlay.offline_picture import offline_picture
from pi_stream.overlay.overlay import Overlay
from pi_stream.overlay.text import render_text

__all__ = ["Overlay", "offline_picture", "render_text"]
