"""The error of making a card. Wrong answers are `SettingError`s, like wrong settings."""

from pi_stream.errors import PiStreamError


class CardError(PiStreamError):
    """The card cannot be made; the text says what is wrong, where, and how to fix it."""
