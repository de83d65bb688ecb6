"""Pictures that are text: the answer of `/ws/text`, and what is shown while there is no picture."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pi_stream.media.colour import ycc_from_rgb
from pi_stream.media.frame import Frame
from pi_stream.overlay.patch import Patch
from pi_stream.overlay.text import Pixels, fill, render

_BACKGROUND = (23, 26, 33)
_TITLE, _REASON = "#f2f4f8", "#aeb6c4"
_MARK = (96, 106, 124, 255)
_SMOOTH = 4  # the mark is drawn so many times larger, and scaled down


def render_text(text: str, width: int, height: int, *, color: str = "#000000", background: str = "#00000000") -> Pixels:
    """A text as large as fits in the middle of (height, width, 4) uint8, read-only: red, green, blue, straight alpha.

    Line breaks are kept, and more are made at spaces where that lets the text be larger. Takes any text and any size
    from 1x1; raises BadMessage for a colour that is not #rgb, #rrggbb or #rrggbbaa.
    """
    return fill(text, width, height, color=color, background=background)


def offline_picture(width: int, height: int, title: str, reason: str) -> NDArray[np.uint8]:
    """The picture that says why there is none: I420 for `Frame.data`, of even width and height, from 2x2.

    Whatever the texts are, it does not fail; what does not fit is drawn smaller, and beyond legibility cut off.
    """
    luma, blue, red = (np.uint8(round(each)) for each in ycc_from_rgb(np.array(_BACKGROUND)).tolist())
    data = np.repeat(np.array([luma, blue, red]), (width * height, width * height // 4, width * height // 4))
    picture = Frame(data, width, height, seq=0, captured=0)
    room, size = max(1, width * 9 // 10), min(height / 9, width / 10)  # the title is large on wide and tall pictures
    parts = [
        _mark(max(1, round(size * 1.6))),
        _words(title, size * 1.25, _TITLE, room, max(1, height // 4)),
        _words(reason, size * 0.7, _REASON, room, max(1, height // 3)),
    ]
    y = (height - sum(part.shape[0] for part in parts)) // 2
    for part in parts:
        Patch(part, (width - part.shape[1]) // 2, y, (width, height)).blend(picture)
        y += part.shape[0]
    return data


def _words(text: str, size: float, color: str, max_width: int, max_height: int) -> Pixels:
    under = "#{:02x}{:02x}{:02x}".format(*_BACKGROUND)  # the picture's own, lest the letters get a dark edge
    return render(
        text, size=size, color=color, background=under, align="center", max_width=max_width, max_height=max_height
    )


def _mark(size: int) -> Pixels:
    """A camera, struck out."""
    side = size * _SMOOTH
    canvas = Image.new("RGBA", (side, side), (*_MARK[:3], 0))
    pen = ImageDraw.Draw(canvas)
    line = max(1, side // 14)
    pen.rounded_rectangle((side * 0.04, side * 0.24, side * 0.96, side * 0.84), side * 0.1, outline=_MARK, width=line)
    pen.ellipse((side * 0.33, side * 0.37, side * 0.67, side * 0.71), outline=_MARK, width=line)
    pen.line((side * 0.36, side * 0.2, side * 0.64, side * 0.2), fill=_MARK, width=line)
    for colour, shift in ((*_MARK[:3], 0), 0.06), (_MARK, 0.0):  # first a gap, so that the stroke is seen to cross
        pen.line((side * (0.1 + shift), side * 0.06, side * (0.92 + shift), side * 0.96), fill=colour, width=line)
    return np.asarray(canvas.resize((size, size), Image.Resampling.BOX))
