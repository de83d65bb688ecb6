"""A stand-in for kms++, which Debian does not have: picamera2 imports it, and uses it only to draw on a display."""

from enum import Enum

PixelFormat = Enum("PixelFormat", ["RGB888", "BGR888", "XRGB8888", "XBGR8888", "YUV420", "YVU420", "ABGR8888"])


class Card:
    """There is no display."""

    def __init__(self, *_: object) -> None:
        raise RuntimeError("this machine has no display")
