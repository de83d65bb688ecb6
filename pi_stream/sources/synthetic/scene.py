"""The synthetic picture: its still parts are drawn once, its moving parts into each frame.

From the top, in fractions of the height: the colour bars to 1/4, the word SYNTHETIC at about 1/3, the clock below it,
the ball's floor at 5/6, and the block pattern of `pattern`.
"""

from math import pi, sin
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pi_stream.media.colour import ycc_from_rgb
from pi_stream.media.frame import Frame, Plane
from pi_stream.sources.synthetic import pattern

BARS: dict[str, tuple[int, int, int]] = {
    "white": (255, 255, 255),
    "yellow": (255, 255, 0),
    "cyan": (0, 255, 255),
    "green": (0, 255, 0),
    "magenta": (255, 0, 255),
    "red": (255, 0, 0),
    "blue": (0, 0, 255),
    "black": (0, 0, 0),
}
"""R, G, B of the colour bars, left to right; each is 1/8 of the width."""

BARS_BOTTOM = 1 / 4
"""Where the bars end, as a fraction of the height."""

_SKY, _GROUND = (38, 62, 120), (236, 158, 110)
_BALL, _SHADE = (255, 214, 92), (226, 88, 44)
_WORD_MIDDLE, _CLOCK_MIDDLE, _LETTERS = 0.325, 0.455, 0.09
_CEILING, _FLOOR, _DIAMETER = 0.54, 0.835, 0.12
_CROSSING_S, _BOUNCE_S = 8.0, 1.5  # seconds for once across and back, and for one bounce
_PANEL, _INK = 24, 235  # luma behind the clock, and of its digits


_Real = NDArray[np.floating[Any]]


class Scene:
    """A moving picture of one size; `width` and `height` are even, from 160x120 up."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        # The clock's twelve characters are almost six times as wide as high: a narrow picture has small letters.
        self._letters = min(_LETTERS * height, 0.15 * width)
        self._font = ImageFont.load_default(max(9, round(self._letters)))
        self._glyphs = {character: self._glyph(character) for character in "0123456789:."}
        self._still = self._draw_still()
        self._ball = _Ball(_even(_DIAMETER * min(width, height)))

    def draw(self, seq: int, captured: int, time: str, seconds: float) -> Frame:
        """A new frame that shows `seq`, `time` (12 characters, `HH:MM:SS.mmm`), and the ball after `seconds`."""
        frame = Frame(self._still.copy(), self.width, self.height, seq, captured)
        luma = frame.y
        top, left = self._clock_corner
        for character in time:
            glyph = self._glyphs[character]
            luma[top : top + glyph.shape[0], left : left + glyph.shape[1]] = glyph
            left += glyph.shape[1]
        self._ball.paste(frame, *self._where(seconds))
        pattern.write(luma, seq)
        return frame

    def _where(self, seconds: float) -> tuple[int, int]:
        """Left and top of the ball, even, so that luma and chroma move together."""
        ball = self._ball.size
        there_and_back = 1 - abs(1 - 2 * (seconds % _CROSSING_S) / _CROSSING_S)
        high = abs(sin(pi * seconds / _BOUNCE_S))
        ceiling, floor = _CEILING * self.height, _FLOOR * self.height - ball
        return _even(there_and_back * (self.width - ball)), _even(floor - high * (floor - ceiling))

    def _draw_still(self) -> Plane:
        width, height = self.width, self.height
        down, across = np.mgrid[0:height, 0:width].astype(np.float32)
        blend = np.clip(down / height + 0.12 * np.sin(across / width * 2 * pi), 0, 1)[..., None]
        rgb = np.asarray(_SKY, np.float32) * (1 - blend) + np.asarray(_GROUND, np.float32) * blend
        edges = [_even(i * width / len(BARS)) for i in range(len(BARS))] + [width]
        for i, colour in enumerate(BARS.values()):
            rgb[: _even(BARS_BOTTOM * height), edges[i] : edges[i + 1]] = colour

        mask = Image.new("L", (width, height))
        pen = ImageDraw.Draw(mask)
        pen.text((width / 2, _WORD_MIDDLE * height), "SYNTHETIC", fill=255, font=self._font, anchor="mm")
        ink = np.asarray(mask, np.float32)[..., None] / 255
        rgb = rgb * (1 - ink) + 255 * ink

        line = self._glyphs["0"].shape[0]
        long = sum(self._glyphs[character].shape[1] for character in "00:00:00.000")
        top, left = round(_CLOCK_MIDDLE * height - line / 2), (width - long) // 2
        self._clock_corner = top, left
        edge = line // 4
        rgb[_even(top) : _even(top + line), max(0, _even(left - edge)) : _even(left + long + edge)] = _PANEL
        dark_top, dark_bottom = pattern.TOP - pattern.CELL_HEIGHT / 2, 1 - pattern.CELL_HEIGHT / 2
        dark_left = pattern.LEFT - pattern.CELL_WIDTH
        rgb[
            _even(dark_top * height) : _even(dark_bottom * height),
            _even(dark_left * width) : width - _even(dark_left * width),
        ] = pattern.DARK
        return _i420(rgb)

    def _glyph(self, character: str) -> Plane:
        """One character of the clock as luma, all of one height."""
        wide = round(self._font.getlength("0" if character.isdigit() else character))
        high = round(1.3 * self._letters) + 2
        mask = Image.new("L", (wide, high))
        pen = ImageDraw.Draw(mask)
        pen.text((wide / 2, high * 0.8), character, fill=255, font=self._font, anchor="ms")
        ink = np.asarray(mask, np.float32) / 255
        return np.rint(_PANEL * (1 - ink) + _INK * ink).astype(np.uint8)


class _Ball:
    """A ball with a soft edge, ready to be blended into the three planes. `size` is in pixels of luma."""

    def __init__(self, size: int) -> None:
        self.size = size
        middle = (np.arange(size, dtype=np.float64) + 0.5) * 2 / size - 1
        from_middle = np.hypot(middle[:, None], middle[None, :])
        alpha = np.clip((1 - from_middle) * size / 2, 0, 1)
        shade = np.clip(np.hypot(middle[:, None] + 0.4, middle[None, :] + 0.4) / 1.6, 0, 1)[..., None]
        ycc = ycc_from_rgb(np.asarray(_BALL) * (1 - shade) + np.asarray(_SHADE) * shade)
        self._parts = [self._part(ycc[..., 0], alpha)]
        self._parts += [self._part(_halved(ycc[..., i]), _halved(alpha)) for i in (1, 2)]

    def paste(self, frame: Frame, left: int, top: int) -> None:
        """Blend it in at even `left` and `top`."""
        for plane, (light, rest), scale in zip((frame.y, frame.u, frame.v), self._parts, (1, 2, 2), strict=True):
            high, wide = light.shape
            place = plane[top // scale : top // scale + high, left // scale : left // scale + wide]
            place[:] = (place * rest + light) >> 7

    @staticmethod
    def _part(plane: _Real, alpha: _Real) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
        # In 128ths, because 255 * 128 fits into 16 bits and a shift is cheaper than a division.
        weight = np.rint(alpha * 128)
        return (plane * weight + 64).astype(np.uint16), (128 - weight).astype(np.uint16)


def _i420(rgb: NDArray[np.float32]) -> Plane:
    y, u, v = np.moveaxis(ycc_from_rgb(rgb), -1, 0)
    planes = [plane.ravel() for plane in (y, _halved(u), _halved(v))]
    pixels: Plane = np.clip(np.rint(np.concatenate(planes)), 0, 255).astype(np.uint8)
    return pixels


def _halved(plane: _Real) -> _Real:
    """Half the size both ways, by the mean of each four."""
    high, wide = plane.shape
    halved: _Real = plane.reshape(high // 2, 2, wide // 2, 2).mean(axis=(1, 3))
    return halved


def _even(number: float) -> int:
    return round(number / 2) * 2
