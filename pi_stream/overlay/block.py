"""Lines at one size: how large they come out, and their drawing."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from PIL import Image, ImageDraw

from pi_stream.overlay.bidi import library
from pi_stream.overlay.face import Face, direction
from pi_stream.overlay.layout import BASELINE, LEADING, Layout, Line

Align = Literal["left", "center", "right"]

_OVERSHOOT = 1.0  # ems that accents piled on accents may reach beyond their line before they are cut off
_LTR_OVERRIDE, _RTL_OVERRIDE, _END_OVERRIDE = "\u202d", "\u202e", "\u202c"


class Block:
    """A text in lines of `size` pixels, one below the other, in `max_width` pixels; `pad` is kept free on each side.

    `pad` is x and y in line heights. `width` and `height`, with the pad, and `em` are in pixels. `torn`: a word was
    wider than the lines. A line whose ink is taller than usual pushes the others away.
    """

    def __init__(self, layout: Layout, size: float, max_width: int, align: Align, pad: tuple[float, float]) -> None:
        # Whole pixels to the em make sharp letters. Lines are broken as if they were not whole, so that a text has the
        # same lines at every resolution; rounded down, they fit all the same.
        self.size = size
        self.em = max(1, int(size / LEADING))
        room = (max_width - 2 * pad[0] * size) / size * LEADING
        lines = layout.lines(room)
        self.torn = layout.widest_word > room
        self._lines = lines
        self._align = align
        self._inner = self.em * max(line.width for line in lines)
        self._left = pad[0] * size + self.em * min(max(line.left for line in lines), _OVERSHOOT)
        right = pad[0] * size + self.em * min(max(line.right for line in lines), _OVERSHOOT)
        self.width = self._left + self._inner + right
        ascent = BASELINE * self.em + (size - LEADING * self.em) / 2
        self._baselines: list[float] = []
        y = pad[1] * size
        for line in lines:
            above = max(ascent, self.em * min(line.above, BASELINE + _OVERSHOOT))
            self._baselines.append(y + above)
            y += above + max(size - ascent, self.em * min(line.below, LEADING - BASELINE + _OVERSHOOT))
        self.height = y + pad[1] * size

    def draw(self, canvas: tuple[int, int], x: float, y: float) -> tuple[Image.Image, Image.Image | None]:
        """How much of each pixel is text (L), and the emoji if there are any (RGBa: premultiplied).

        `canvas` is the width and height of both, `x` and `y` where in it the block begins.
        """
        coverage = Image.new("L", canvas)
        emoji: Image.Image | None = None
        pen = ImageDraw.Draw(coverage)
        for line, baseline in zip(self._lines, self._baselines, strict=True):
            bottom = round(y + baseline)  # on whole pixels, where hinted letters are sharp
            if bottom - canvas[1] > 3 * self.em:
                break  # this line and those below it are out of sight
            at = float(round(x + self._left + self._indent(line)))
            for run in line.runs:
                for text, metrics in run.pieces():
                    if run.face.coloured:
                        emoji = emoji or Image.new("RGBa", canvas)
                        _stick(emoji, run.face, text, self.em, at, bottom)
                    else:
                        forced, font = _forced(text, run.level), run.face.at(self.em)
                        pen.text((at, bottom), forced, 255, font, anchor="ls", direction=direction(run.level))
                    at += metrics.advance * self.em
        return coverage, emoji

    def _indent(self, line: Line) -> float:
        spare = self._inner - line.width * self.em
        return {"left": 0.0, "center": spare / 2, "right": spare}[self._align]


def largest(make: Callable[[float], Block], fits: Callable[[Block], bool], at_most: float) -> Block:
    """The block of the largest line height, of whole ems, that fits; where none does, the smallest."""
    low, high = 1, max(1, int(at_most / LEADING))  # ems: what is known to fit or must do, and what may
    while low < high:
        em = (low + high + 1) // 2
        low, high = (em, high) if fits(make(em * LEADING)) else (low, em - 1)
    return make(low * LEADING)


def _forced(text: str, level: int) -> str:
    """A run that is drawn the way its level says, though its characters alone might be taken for the other way."""
    if library() is None or (text.isascii() and level % 2 == 0):
        return text
    return (_RTL_OVERRIDE if level % 2 else _LTR_OVERRIDE) + text + _END_OVERRIDE


def _stick(canvas: Image.Image, face: Face, cluster: str, em: int, x: float, baseline: int) -> None:
    """Draw one emoji at the size that its font has, and scale it to the size that is wanted."""
    metrics = face.measure(cluster, 0)
    left, right = round(x + metrics.left * em), round(x + metrics.right * em)
    top, bottom = round(baseline + metrics.top * em), round(baseline + metrics.bottom * em)
    if left < canvas.width and top < canvas.height:
        size = max(1, right - left), max(1, bottom - top)
        canvas.paste(_emoji(face, cluster).resize(size, Image.Resampling.LANCZOS), (left, top))


@lru_cache(maxsize=32)
def _emoji(face: Face, cluster: str) -> Image.Image:
    """A cluster as its font has it, RGBa: usually 70 KB, at most 32 times that."""
    strike, metrics = face.strike, face.measure(cluster, 0)
    width, height = (metrics.right - metrics.left) * strike, (metrics.bottom - metrics.top) * strike
    drawn = Image.new("RGBA", (max(1, math.ceil(width)), max(1, math.ceil(height))))
    origin = -metrics.left * strike, -metrics.top * strike
    ImageDraw.Draw(drawn).text(origin, cluster, font=face.at(strike), anchor="ls", embedded_color=True)
    # Pillow mixes a glyph's colours with the transparent black that was there: what comes out is premultiplied.
    return Image.frombytes("RGBa", drawn.size, drawn.tobytes())
