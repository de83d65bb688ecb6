"""A block of lines at one font size: its width and height, and how it is drawn."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from PIL import Image, ImageDraw

from pi_stream.overlay.bidi import fribidi
from pi_stream.overlay.face import Face, direction
from pi_stream.overlay.layout import BASELINE, LEADING, Layout, Line

Align = Literal["left", "center", "right"]

_MAX_OVERSHOOT_EM = 1.0  # that stacked accents may reach beyond their line; more is cut off
_LTR_OVERRIDE, _RTL_OVERRIDE, _END_OVERRIDE = "\u202d", "\u202e", "\u202c"


class Block:
    """A text in lines that are `size` pixels high and at most `max_width` pixels wide, with padding on each side.

    `pad` is the padding, x and y, in line heights. `width` and `height` (with the padding) and `em` are in pixels.
    `breaks_words` says that a word was wider than a line. A line with taller ink than usual takes more height.
    """

    def __init__(self, layout: Layout, size: float, max_width: int, align: Align, pad: tuple[float, float]) -> None:
        # A whole number of pixels to the em makes sharp letters. Lines are broken with the exact size, so that a text
        # has the same lines at every resolution. Letters are not drawn larger than that, so the lines still fit.
        self.size = size
        self.em = max(1, int(size / LEADING))
        room = (max_width - 2 * pad[0] * size) / size * LEADING
        lines = layout.lines(room)
        self.breaks_words = layout.widest_word > room
        self._lines = lines
        self._align = align
        self._inner = self.em * max(line.width for line in lines)
        self._left = pad[0] * size + self.em * min(max(line.left for line in lines), _MAX_OVERSHOOT_EM)
        right = pad[0] * size + self.em * min(max(line.right for line in lines), _MAX_OVERSHOOT_EM)
        self.width = self._left + self._inner + right
        ascent = BASELINE * self.em + (size - LEADING * self.em) / 2
        self._baselines: list[float] = []
        y = pad[1] * size
        for line in lines:
            above = max(ascent, self.em * min(line.above, BASELINE + _MAX_OVERSHOOT_EM))
            self._baselines.append(y + above)
            y += above + max(size - ascent, self.em * min(line.below, LEADING - BASELINE + _MAX_OVERSHOOT_EM))
        self.height = y + pad[1] * size

    def draw(self, canvas: tuple[int, int], x: float, y: float) -> tuple[Image.Image, Image.Image | None]:
        """Draw the text: how much of each pixel it covers (L), and the emoji, if there are any (RGBa: premultiplied).

        `canvas` is the width and height of both images, `x` and `y` the position of the block in them, in pixels.
        Raises OSError if a font cannot be read.
        """
        coverage = Image.new("L", canvas)
        emoji: Image.Image | None = None
        pen = ImageDraw.Draw(coverage)
        for line, baseline in zip(self._lines, self._baselines, strict=True):
            bottom = round(y + baseline)  # hinted letters are sharp on whole pixels
            if bottom - canvas[1] > 3 * self.em:
                break  # this line and those below it are outside the canvas
            at = float(round(x + self._left + self._indent(line)))
            for run in line.runs:
                for text, metrics in run.pieces():
                    if run.face.coloured:
                        emoji = emoji or Image.new("RGBa", canvas)
                        _paste_emoji(emoji, run.face, text, self.em, at, bottom)
                    else:
                        directed, font = _with_override(text, run.level), run.face.at(self.em)
                        pen.text((at, bottom), directed, 255, font, anchor="ls", direction=direction(run.level))
                    at += metrics.advance * self.em
        return coverage, emoji

    def _indent(self, line: Line) -> float:
        spare = self._inner - line.width * self.em
        return {"left": 0.0, "center": spare / 2, "right": spare}[self._align]


def largest(make: Callable[[float], Block], fits: Callable[[Block], bool], at_most: float) -> Block:
    """The block with the largest line height, in whole ems up to `at_most` pixels, that fits; else the smallest one."""
    low, high = 1, max(1, int(at_most / LEADING))  # ems: the best so far, and the largest that may fit
    while low < high:
        em = (low + high + 1) // 2
        low, high = (em, high) if fits(make(em * LEADING)) else (low, em - 1)
    return make(low * LEADING)


def _with_override(text: str, level: int) -> str:
    """The text of a run with an override, so that Pillow draws it in the direction of its level."""
    if fribidi() is None or (text.isascii() and level % 2 == 0):
        return text
    return (_RTL_OVERRIDE if level % 2 else _LTR_OVERRIDE) + text + _END_OVERRIDE


def _paste_emoji(canvas: Image.Image, face: Face, cluster: str, em: int, x: float, baseline: int) -> None:
    """Draw one emoji in its font's own size, scale it to `em` pixels, and paste it at `x` on the baseline."""
    metrics = face.measure(cluster, 0)
    left, right = round(x + metrics.left * em), round(x + metrics.right * em)
    top, bottom = round(baseline + metrics.top * em), round(baseline + metrics.bottom * em)
    if left < canvas.width and top < canvas.height:
        size = max(1, right - left), max(1, bottom - top)
        canvas.paste(_emoji(face, cluster).resize(size, Image.Resampling.LANCZOS), (left, top))


@lru_cache(maxsize=32)
def _emoji(face: Face, cluster: str) -> Image.Image:
    """An emoji in its font's own size, RGBa: about 70 kB each."""
    strike, metrics = face.strike, face.measure(cluster, 0)
    width, height = (metrics.right - metrics.left) * strike, (metrics.bottom - metrics.top) * strike
    drawn = Image.new("RGBA", (max(1, math.ceil(width)), max(1, math.ceil(height))))
    origin = -metrics.left * strike, -metrics.top * strike
    ImageDraw.Draw(drawn).text(origin, cluster, font=face.at(strike), anchor="ls", embedded_color=True)
    # Pillow blends a glyph's colours with the transparent black below, so the result is premultiplied.
    return Image.frombytes("RGBa", drawn.size, drawn.tobytes())
