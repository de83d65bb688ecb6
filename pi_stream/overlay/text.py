"""Text to pixels: a caption with its box, or a text that fills a picture."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from pi_stream.captions.caption import Family, rgba_from_hex
from pi_stream.overlay.block import Align, Block, largest
from pi_stream.overlay.fonts import Fonts, installed
from pi_stream.overlay.layout import Layout

Pixels = NDArray[np.uint8]

_PAD = (0.4, 0.12)  # of the box, in line heights: left and right, above and below
_CORNER_RADIUS = 0.3  # of the box, in line heights
_NO_PAD = (0.0, 0.0)


def render_caption(
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
    """A box of text: (height, width, 4) uint8, read-only: red, green, blue and straight alpha.

        render_caption("Garage 車庫 🚗", size=36, background="#00000080", max_width=1280, max_height=720)

    `size` is the height of a line in pixels. Colours are #rgb, #rrggbb or #rrggbbaa. Lines wider than `max_width`
    pixels are broken. If the lines are then higher than `max_height` pixels, all is drawn smaller, and what does not
    fit at 1 pixel is cut off. With a fully transparent background, a soft dark edge (a light one around dark text)
    keeps the text readable on any picture. Any text is valid. Raises BadMessage for an invalid colour, and OSError if
    a font cannot be read.
    """
    letters, under = rgba_from_hex(color), rgba_from_hex(background)
    layout = Layout(text, font, fonts or installed())

    def make(size: float) -> Block:
        return Block(layout, size, max_width, align, _PAD)

    block = make(max(size, 1))
    if math.ceil(block.height) > max_height:
        block = largest(make, lambda block: math.ceil(block.height) <= max_height, min(size, max_height))
    canvas = min(max_width, math.ceil(block.width)), min(max_height, math.ceil(block.height))
    coverage, emoji = block.draw(canvas, 0, 0)
    base = _box(canvas, under, _CORNER_RADIUS * block.size) if under[3] else _halo(coverage, letters, block.em)
    return _compose(base, coverage, letters, emoji)


def render_text(
    text: str,
    width: int,
    height: int,
    *,
    color: str = "#000000",
    background: str = "#00000000",
    font: Family = "sans",
    fonts: Fonts | None = None,
) -> Pixels:
    """A text as large as it fits, in the middle of (height, width, 4) uint8, read-only: red, green, blue and alpha.

    Line breaks are kept, and others are added at spaces if the text can then be larger. There is no edge and no box.
    Any text and any size from 1 x 1 pixel are valid. Raises BadMessage for an invalid colour, and OSError if a font
    cannot be read.
    """
    letters, under = rgba_from_hex(color), rgba_from_hex(background)
    layout = Layout(text, font, fonts or installed())

    def fits(block: Block) -> bool:
        return not block.breaks_words and block.width <= width and block.height <= height

    block = largest(lambda size: Block(layout, size, width, "center", _NO_PAD), fits, height)
    coverage, emoji = block.draw((width, height), (width - block.width) / 2, (height - block.height) / 2)
    return _compose(Image.new("RGBA", (width, height), under), coverage, letters, emoji)


def _box(size: tuple[int, int], color: tuple[int, int, int, int], radius: float) -> Image.Image:
    """A box of one colour with round corners; `radius` in pixels."""
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
    """A soft edge around the text: dark, or light around dark text."""
    dark = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] < 96
    soft = coverage.filter(ImageFilter.GaussianBlur(max(1.0, em / 16)))
    halo = Image.new("RGBA", coverage.size, (255, 255, 255) if dark else (0, 0, 0))
    halo.putalpha(soft.point([min(255, level * 5 // 2) * color[3] // 255 for level in range(256)]))
    return halo


def _compose(
    base: Image.Image, coverage: Image.Image, color: tuple[int, int, int, int], emoji: Image.Image | None
) -> Pixels:
    """The text on its box, and the emoji on both."""
    letters = Image.new("RGBA", base.size, color[:3])
    letters.putalpha(coverage if color[3] == 255 else coverage.point([each * color[3] // 255 for each in range(256)]))
    base = Image.alpha_composite(base, letters)
    if emoji is not None:
        base = Image.alpha_composite(base, emoji.convert("RGBA"))
    return np.asarray(base)
