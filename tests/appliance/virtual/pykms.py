"""A stand-in for kms++, which Debian does not have: picamera2 imports it, and uses it only to draw on a display."""


class _Names(type):
    """Every layout of pixels has a name, its own; none is ever drawn."""

    def __getattr__(cls, name: str) -> str:
        return name


class PixelFormat(metaclass=_Names):
    """kms++'s names of layouts."""


class Card:
    """There is no display."""

    def __init__(self, *_: object) -> None:
        raise RuntimeError("this machine has no display")
