"""What can go wrong while a card is made. Wrong answers are `SettingError`s, as wrong settings are."""

from pi_stream.errors import PiStreamError


class CardError(PiStreamError):
    """A card cannot be made of what was given; the text says what, where, and how to mend it."""
