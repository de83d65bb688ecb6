"""The offline picture: what is shown, with the reason, while a source gives no frames."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pi_stream.media.colour import ycc_from_rgb
from pi_stream.media.frame import Frame
from pi_stream.overlay.patch import Patch
from pi_stream.overlay.text import Pixels, render_caption

_BACKGROUND_COLOR = (23, 26, 33)
_TITLE_COLOR, _REASON_COLOR = "#f2f4f8", "#aeb6c4"
_MARK_COLOR = (96, 106, 124, 255)
_MARK_OVERSAMPLING = 4  # the mark is drawn larger by this factor, then scaled down


def offline_picture(width: int, height: int, title: str, reason: str) -> NDArray[np.uint8]:
    """A picture with a title and a reason, as I420 for `Frame.data`: uint8, (width * height * 3 / 2,).

    `width` and `height` are even, from 2 pixels. Any texts are valid: a long one is drawn smaller, and what does not
    fit at 1 pixel is cut off. Raises OSError if a font cannot be read.
    """
    luma, blue, red = (np.uint8(round(each)) for each in ycc_from_rgb(np.array(_BACKGROUND_COLOR)).tolist())
    data = np.repeat(np.array([luma, blue, red]), (width * height, width * height // 4, width * height // 4))
    picture = Frame(data, width, height, seq=0, captured=0)
    room, size = max(1, width * 9 // 10), min(height / 9, width / 10)  # the title is large on any shape of picture
    parts = [
        _mark(max(1, round(size * 1.6))),
        _words(title, size * 1.25, _TITLE_COLOR, room, max(1, height // 4)),
        _words(reason, size * 0.7, _REASON_COLOR, room, max(1, height // 3)),
    ]
    y = (height - sum(part.shape[0] for part in parts)) // 2
    for part in parts:
        Patch(part, (width - part.shape[1]) // 2, y, (width, height)).blend(picture)
        y += part.shape[0]
    return data


def _words(text: str, size: float, color: str, max_width: int, max_height: int) -> Pixels:
    under = "#{:02x}{:02x}{:02x}".format(*_BACKGROUND_COLOR)  # the picture's own, so that the letters get no edge
    return render_caption(
        text, size=size, color=color, background=under, align="center", max_width=max_width, max_height=max_height
    )


def _mark(size: int) -> Pixels:
    """A camera with a line through it: (size, size, 4) uint8."""
    side = size * _MARK_OVERSAMPLING
    canvas = Image.new("RGBA", (side, side), (*_MARK_COLOR[:3], 0))
    pen = ImageDraw.Draw(canvas)
    line = max(1, side // 14)
    pen.rounded_rectangle(
        (side * 0.04, side * 0.24, side * 0.96, side * 0.84), side * 0.1, outline=_MARK_COLOR, width=line
    )
    pen.ellipse((side * 0.33, side * 0.37, side * 0.67, side * 0.71), outline=_MARK_COLOR, width=line)
    pen.line((side * 0.36, side * 0.2, side * 0.64, side * 0.2), fill=_MARK_COLOR, width=line)
    for colour, shift in ((*_MARK_COLOR[:3], 0), 0.06), (_MARK_COLOR, 0.0):  # first a gap beside the line
        pen.line((side * (0.1 + shift), side * 0.06, side * (0.92 + shift), side * 0.96), fill=colour, width=line)
    return np.asarray(canvas.resize((size, size), Image.Resampling.BOX))
