"""A caption: one text at one place of the picture. What a viewer may say about it, and what it is once accepted."""

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
]  # fmt: skip  # one line of nine words reads best as it would be said
Family = Literal["sans", "serif", "mono"]

_COLOR = r"^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})$(?!\n)"  # `$` alone would let a final line break pass

Color = Annotated[str, Meta(pattern=_COLOR, description="#rgb, #rrggbb or #rrggbbaa")]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Size = Annotated[float, Meta(ge=0.01, le=1)]
LONGEST_TEXT = 1000  # characters
Text = Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]
Seconds = Annotated[float, Meta(gt=0, le=1e9)]
Name = Annotated[str, Meta(max_length=80, pattern=ONE_LINE, description="one line of 0 to 80 characters")]
CaptionId = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$(?!\n)", description="1 to 64 letters, digits, - and _")
]  # fmt: skip  # as above

_CONTROL = re.compile(r"[^\n\x20-\x7e\xa0-\ud7ff\ue000-\U0010ffff]")


class CaptionDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a viewer sends: only `text` must be there, the rest has a default.

    `x`, `y` (0 to 1) are where in the picture the anchor of the caption's box goes; `size` (0.01 to 1) is the height
    of a line as a fraction of the picture's. `ttl` is in seconds, None for ever. `by` is who wrote it.
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
    """One caption of the overlay: a draft that was accepted, and so has an id."""

    id: CaptionId


def caption_from(draft: CaptionDraft, id: str, by: str = "") -> Caption:  # noqa: A002 - it is the field's name
    """Accept a draft under an id; `by`, when given, is who wrote it, whatever the draft says.

    What forces a direction on text is taken out of it: `without_directions`. Raises BadMessage for a field out of its
    range, for text with control characters, and for what `parse_template` refuses.
    """
    fields = {name: getattr(draft, name) for name in draft.__struct_fields__}
    try:
        # Drafts off the wire were checked when they were decoded; those that our own code makes were not.
        said = {"text": without_directions(draft.text), "by": without_directions(by or draft.by)}
        caption = convert(fields | {"id": id} | said, Caption)
    except ValidationError as error:
        raise BadMessage(f"captions.{error}") from None
    check_text(caption.text)
    return caption


def check_text(text: str) -> None:
    """Raise BadMessage unless a caption could say this."""
    if bad := _CONTROL.search(text):
        raise BadMessage(
            f"captions.text: expected characters and line breaks, got the control character U+{ord(bad[0]):04X} "
            f"at place {bad.start() + 1}"
        )
    parse_template(text)


def rgba_from_hex(color: str) -> tuple[int, int, int, int]:
    """Red, green, blue and alpha, 0 to 255, of #rgb, #rrggbb or #rrggbbaa. Raises BadMessage for anything else."""
    if not re.search(_COLOR, color):
        raise BadMessage(f"color: expected #rgb, #rrggbb or #rrggbbaa, got {color[:40]!r}")
    digits = color[1:] if len(color) > 4 else "".join(2 * digit for digit in color[1:])
    red, green, blue, alpha = bytes.fromhex(digits if len(digits) == 8 else digits + "ff")
    return red, green, blue, alpha
