"""Text from outside: what would change how other text looks is taken out of it, or made visible."""

import re

ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\Z"
"""A pattern of texts without control characters and line breaks."""

# What forces a direction on the text that follows, or begins a piece with one of its own (UAX #9, clause 2). Letters
# have their directions without; the marks (U+200E, U+200F, U+061C) act on their neighbours only, and stay.
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def without_directions(text: str) -> str:
    """A text that cannot turn around what stands beside it, or pretend to read otherwise than it does."""
    return _DIRECTIONS.sub("", text)


def on_one_line(text: str) -> str:
    r"""A text whose control characters are written as \x1b, \n or \u202e, so that it can neither begin a line of a log
    nor speak to a terminal."""
    return _HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
