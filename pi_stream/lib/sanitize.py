"""Text from outside: characters that change how other text is shown are removed, or made visible."""

import re

ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\Z"
"""The pattern of texts without control characters and line breaks."""

# Characters that set the direction of the text after them (UAX #9, clause 2). Letters have a direction without them.
# The marks U+200E, U+200F and U+061C affect only their neighbours, and are allowed.
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def without_directions(text: str) -> str:
    """Remove characters that change the direction of the text around them, or hide how the text reads."""
    return _DIRECTIONS.sub("", text)


def on_one_line(text: str) -> str:
    r"""Write control characters as \x1b, \n or \u202e, so that the text neither begins a new line in a log nor controls
    a terminal."""
    return _HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
