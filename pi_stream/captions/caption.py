"""A caption: one text at one position of the picture. `CaptionDraft` is what a viewer sends, `Caption` what is kept."""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from pi_stream.captions.template import parse_template
from pi_stream.errors import BadMessage
from pi_stream.lib.sanitize import ONE_LINE, without_directions
from pi_stream.lib.validation import ValidationError, convert

Anchor = Literal[
    "top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom", "bottom-right"
]  # fmt: skip  # nine words, as in docs/protocol.md
Family = Literal["sans", "serif", "mono"]

_COLOR = r"^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})$(?!\n)"  # `$` alone accepts a final line break

Color = Annotated[str, Meta(pattern=_COLOR, description="#rgb, #rrggbb or #rrggbbaa")]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Size = Annotated[float, Meta(ge=0.01, le=1)]
MAX_TEXT_CHARACTERS = 1000
Text = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT_CHARACTERS)]
Seconds = Annotated[float, Meta(gt=0, le=1e9)]
Name = Annotated[str, Meta(max_length=80, pattern=ONE_LINE, description="one line of 0 to 80 characters")]
CaptionId = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$(?!\n)", description="1 to 64 letters, digits, - and _")
]  # fmt: skip  # as the types above

_CONTROL = re.compile(r"[^\n\x20-\x7e\xa0-\ud7ff\ue000-\U0010ffff]")


class CaptionDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a viewer sends. Only `text` is required.

    `x` and `y` (0 to 1) are the position of the anchor of the caption's box, as fractions of the picture's width and
    height. `size` (0.01 to 1) is the height of a line as a fraction of the picture's height. `ttl` is in seconds; None
    means that the caption stays until it is deleted. `by` is the author.
    """

    id: CaptionId | None = None
    text: Text
    x: Fraction = 0.02
    y: Fraction = 0.03
    anchor: Anchor = "top-left"
    size: Size = 0.05
    color: Color = "#ffffff"
    background: Color = "#00000080"
    font: Family = "sans"
    ttl: Seconds | None = None
    by: Name = ""


class Caption(CaptionDraft, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A caption that is drawn: a draft that was accepted and has an id."""

    id: CaptionId


def caption_from(draft: CaptionDraft, id: str, by: str = "") -> Caption:  # noqa: A002 - it is the field's name
    """Make a caption of a draft, with this id. A `by` that is not empty replaces the draft's.

    Characters that force a text direction are removed from `text` and `by`: see `without_directions`. Raises BadMessage
    for a value out of its range, for control characters in the text, and for what `parse_template` refuses.
    """
    values = {name: getattr(draft, name) for name in draft.__struct_fields__}
    try:
        # Drafts from the wire were checked when they were decoded, but those that a program makes were not.
        cleaned = {"text": without_directions(draft.text), "by": without_directions(by or draft.by)}
        caption = convert(values | {"id": id} | cleaned, Caption)
    except ValidationError as error:
        raise BadMessage(f"captions.{error}") from None
    check_text(caption.text)
    return caption


def check_text(text: str) -> None:
    """Raise BadMessage if a caption cannot have this text."""
    if bad := _CONTROL.search(text):
        raise BadMessage(
            f"captions.text: expected characters and line breaks, got the control character U+{ord(bad[0]):04X} "
            f"at character {bad.start() + 1}"
        )
    parse_template(text)


def rgba_from_hex(color: str) -> tuple[int, int, int, int]:
    """Red, green, blue and alpha (0 to 255) of #rgb, #rrggbb or #rrggbbaa. Raises BadMessage for any other text."""
    if not re.search(_COLOR, color):
        raise BadMessage(f"color: expected #rgb, #rrggbb or #rrggbbaa, got {color[:40]!r}")
    digits = color[1:] if len(color) > 4 else "".join(2 * digit for digit in color[1:])
    red, green, blue, alpha = bytes.fromhex(digits if len(digits) == 8 else digits + "ff")
    return red, green, blue, alpha
