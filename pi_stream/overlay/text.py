"""Text, drawn: lines of any script become an array of pixels."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from pi_stream.overlay.bidi import library
from pi_stream.overlay.caption import Family, rgba_from_hex
from pi_stream.overlay.face import Face, direction
from pi_stream.overlay.fonts import Fonts, installed
from pi_stream.overlay.layout import BASELINE, LEADING, Layout, Line

Align = Literal["left", "center", "right"]
Pixels = NDArray[np.uint8]

_PAD_X, _PAD_Y, _CORNER = 0.4, 0.12, 0.3  # of the box, in line heights
_SMALLEST = 4.0  # pixels a line; text that does not fit even so is cut off
_OVERSHOOT = 1.0  # ems that accents piled on accents may reach beyond their line before they are cut off
_LTR_OVERRIDE, _RTL_OVERRIDE, _END_OVERRIDE = "\u202d", "\u202e", "\u202c"


def render(
    text: str,
    *,
    size: float,
    color: str = "#ffffff",
    background: str = "#00000000",
    font: Family = "sans",
    align: Align = "left",
    max_width: int,
    max_height: int,
    fonts: Fonts | None = None,
) -> Pixels:
    """A box of text: (height, width, 4) uint8, red, green, blue and straight alpha, at most max_height by max_width.

        render("Garage 車庫 🚗", size=36, background="#00000080", max_width=1280, max_height=720)

    `size` is the height of a line in pixels. Colours are #rgb, #rrggbb or #rrggbbaa. Lines wider than `max_width` are
    broken; where they are then too many for `max_height`, all is drawn smaller. With a background that is wholly
    transparent, a soft dark edge (a light one around dark text) keeps the text readable on any picture. Takes any
    text; raises BadMessage for a colour that is none.
    """
    layout = Layout(text, font, fonts or installed())
    size = min(max(size, _SMALLEST), max_height)
    while True:
        em = max(1, round(size / LEADING))
        lines = layout.lines(max(max_width - 2 * _PAD_X * size, size) / em)
        block = _Block(lines, size, em, align)
        height = block.height + 2 * _PAD_Y * size
        if height <= max_height or size <= _SMALLEST:
            break
        # Half as many pixels a line are also half as many lines: so not by the ratio at once, but towards it.
        size = max(_SMALLEST, size * min(0.95, math.sqrt(max_height / height)))
    pad_x, pad_y = round(_PAD_X * size), round(_PAD_Y * size)
    canvas = (min(max_width, math.ceil(block.width) + 2 * pad_x), min(max_height, math.ceil(block.height) + 2 * pad_y))
    coverage, emoji = block.draw(canvas, (canvas[0] - block.width) / 2, pad_y)
    under = rgba_from_hex(background)
    base = _box(canvas, under, _CORNER * size) if under[3] else _halo(coverage, rgba_from_hex(color), em)
    return _compose(base, coverage, rgba_from_hex(color), emoji)


def fill(
    text: str,
    width: int,
    height: int,
    *,
    color: str,
    background: str,
    font: Family = "sans",
    fonts: Fonts | None = None,
) -> Pixels:
    """The text as large as fits into (height, width, 4) pixels, in the middle; as `render`, without an edge or a box.

    Line breaks are kept, and more are made at spaces where that lets the text be larger.
    """
    layout = Layout(text, font, fonts or installed())
    low, high = 1, max(1, int(height / LEADING))  # ems; what is known to fit, and what may
    while low < high:
        em = (low + high + 1) // 2
        lines = layout.lines(width / em)
        fits = layout.widest_word * em <= width and _Block(lines, em * LEADING, em, "center").height <= height
        low, high = (em, high) if fits else (low, em - 1)
    block = _Block(layout.lines(width / low), low * LEADING, low, "center")
    coverage, emoji = block.draw((width, height), (width - block.width) / 2, (height - block.height) / 2)
    base = Image.new("RGBA", (width, height), rgba_from_hex(background))
    return _compose(base, coverage, rgba_from_hex(color), emoji)


class _Block:
    """Lines one below the other at one size; a line whose ink is taller than usual pushes the others away."""

    def __init__(self, lines: list[Line], size: float, em: int, align: Align) -> None:
        self._lines = lines
        self._em = em
        self._align = align
        self._left = em * min(max(line.left for line in lines), _OVERSHOOT)
        right = em * min(max(line.right for line in lines), _OVERSHOOT)
        self._inner = em * max(line.width for line in lines)
        self.width = self._left + self._inner + right
        ascent = BASELINE * em + (size - LEADING * em) / 2
        self._baselines: list[float] = []
        y = 0.0
        for line in lines:
            above = max(ascent, em * min(line.above, BASELINE + _OVERSHOOT))
            self._baselines.append(y + above)
            y += above + max(size - ascent, em * min(line.below, LEADING - BASELINE + _OVERSHOOT))
        self.height = y

    def draw(self, canvas: tuple[int, int], x: float, y: float) -> tuple[Image.Image, Image.Image | None]:
        """How much of each pixel is text (L), and the emoji if there are any (RGBa: premultiplied)."""
        coverage = Image.new("L", canvas)
        emoji: Image.Image | None = None
        pen = ImageDraw.Draw(coverage)
        for line, baseline in zip(self._lines, self._baselines, strict=True):
            spare = self._inner - line.width * self._em
            at = float(round(x + self._left + {"left": 0.0, "center": spare / 2, "right": spare}[self._align]))
            bottom = round(y + baseline)  # on whole pixels, where hinted letters are sharp
            if bottom - canvas[1] > 3 * self._em:
                break
            for run in line.runs:
                for text, metrics in run.pieces():
                    if run.face.coloured:
                        emoji = emoji or Image.new("RGBa", canvas)
                        _stick(emoji, run.face, text, self._em, at, bottom)
                    else:
                        font = run.face.at(self._em)
                        pen.text(
                            (at, bottom), _forced(text, run.level), 255, font, "ls", direction=direction(run.level)
                        )
                    at += metrics.advance * self._em
        return coverage, emoji


def _forced(text: str, level: int) -> str:
    """A run that is drawn the way its level says, though its characters alone might be taken for the other way."""
    if library() is None or (text.isascii() and level % 2 == 0):
        return text
    return (_RTL_OVERRIDE if level % 2 else _LTR_OVERRIDE) + text + _END_OVERRIDE


def _stick(canvas: Image.Image, face: Face, cluster: str, em: int, x: float, baseline: int) -> None:
    """Draw one emoji at the size that its font has, and scale it to the size that is wanted."""
    strike, metrics = face.strike, face.measure(cluster, 0)
    size = (
        max(1, math.ceil((metrics.right - metrics.left) * strike)),
        max(1, math.ceil((metrics.bottom - metrics.top) * strike)),
    )
    drawn = Image.new("RGBA", size)
    origin = -metrics.left * strike, -metrics.top * strike
    ImageDraw.Draw(drawn).text(origin, cluster, font=face.at(strike), anchor="ls", embedded_color=True)
    # Pillow mixes a glyph's colours with the transparent black that was there: what comes out is premultiplied.
    glyph = Image.frombytes("RGBa", size, drawn.tobytes())
    left, right = round(x + metrics.left * em), round(x + metrics.right * em)
    top, bottom = round(baseline + metrics.top * em), round(baseline + metrics.bottom * em)
    scaled = glyph.resize((max(1, right - left), max(1, bottom - top)), Image.Resampling.LANCZOS)
    canvas.paste(scaled, (left, top))


def _box(size: tuple[int, int], color: tuple[int, int, int, int], radius: float) -> Image.Image:
    """A box of one colour with round corners."""
    width, height = size
    alpha = np.full((height, width), color[3], dtype=np.uint8)
    side = min(math.ceil(radius), width // 2, height // 2)
    away = radius - 0.5 - np.arange(side)
    covered = np.clip(radius + 0.5 - np.hypot(away[:, None], away[None, :]), 0, 1)
    corner = np.rint(covered * color[3]).astype(np.uint8)
    alpha[:side, :side] = corner
    alpha[:side, width - side :] = corner[:, ::-1]
    alpha[height - side :, :side] = corner[::-1]
    alpha[height - side :, width - side :] = corner[::-1, ::-1]
    box = Image.new("RGBA", size, color[:3])
    box.putalpha(Image.fromarray(alpha))
    return box


def _halo(coverage: Image.Image, color: tuple[int, int, int, int], em: int) -> Image.Image:
    """A soft edge around the text, dark, or light around dark text."""
    dark = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] < 96
    soft = coverage.filter(ImageFilter.GaussianBlur(max(1.0, em / 16)))
    halo = Image.new("RGBA", coverage.size, (255, 255, 255) if dark else (0, 0, 0))
    halo.putalpha(soft.point([min(255, level * 5 // 2) * color[3] // 255 for level in range(256)]))
    return halo


def _compose(
    base: Image.Image, coverage: Image.Image, color: tuple[int, int, int, int], emoji: Image.Image | None
) -> Pixels:
    """Text on its box, and emoji on both."""
    letters = Image.new("RGBA", base.size, color[:3])
    letters.putalpha(coverage if color[3] == 255 else coverage.point([each * color[3] // 255 for each in range(256)]))
    base = Image.alpha_composite(base, letters)
    if emoji is not None:
        base = Image.alpha_composite(base, emoji.convert("RGBA"))
    return np.asarray(base)
