"""A face: one font of a font file, at any size."""

import logging
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from pi_stream.errors import used_up
from pi_stream.overlay.bidi import fribidi
from pi_stream.overlay.clusters import CodePoints

log = logging.getLogger(__name__)

_MEASURE_EM_PX = 64  # text is measured at this size, so that it has the same line breaks at every size
# Pixels to the em of the one size that a font of bitmap emoji has: Noto's, then those of other fonts.
_STRIKE_EMS_PX = (109, 136, 128, 160, 96, 72, 64)


@dataclass(frozen=True, slots=True)
class Metrics:
    """The size of a text in ems, from its origin on the baseline. y grows downwards, so `top` is negative.

    `advance` is the distance to the origin of the next text; the others are the box of the ink.
    """

    advance: float
    left: float
    top: float
    right: float
    bottom: float


class Face:
    """A face: `index` is its number in the file, `characters` are those it has glyphs for.

    `coloured`: it has emoji in colour.
    """

    def __init__(self, path: Path, index: int, characters: CodePoints, coloured: bool = False) -> None:
        self.path = path
        self.index = index
        self.characters = characters
        self.coloured = coloured

    def __repr__(self) -> str:
        return f"<Face {self.path.name} {self.index}>"

    @cached_property
    def opens(self) -> bool:
        """Whether the font can be used; if not, the reason is logged.

        Raises OSError if this is not known now, because no file descriptor or memory is left.
        """
        try:
            if self.coloured:
                return self.strike > 0
            self.at(_MEASURE_EM_PX)
        except OSError as error:
            if used_up(error):
                raise
            log.warning("the font %s cannot be used: %s", self.path, error)
            return False
        return True

    @cached_property
    def strike(self) -> int:
        """The size, in pixels to the em, of the bitmaps of a coloured face. 0 if Pillow cannot draw its colours:
        those of COLR version 1, for example."""
        sample = next((each for each in "\U0001f600❤1" if each in self.characters), None)
        for size in _STRIKE_EMS_PX if sample else ():
            try:
                font = self.at(size)
            except OSError as error:
                if used_up(error):
                    raise
                continue  # the font does not have this size
            canvas = Image.new("RGBA", (2 * size, 2 * size))
            ImageDraw.Draw(canvas).text((0, size), sample or "", font=font, anchor="ls", embedded_color=True)
            if canvas.getbbox():
                return size
        return 0

    def at(self, em: int) -> ImageFont.FreeTypeFont:
        """The font at a size in pixels to the em. Raises OSError if its file is gone or damaged, or lacks the size."""
        return _open(self.path, self.index, em, fribidi() is not None)

    def measure(self, text: str, level: int) -> Metrics:
        """The size of a text that has one level. Raises OSError."""
        return _measure(self, text, direction(level))


def direction(level: int) -> str | None:
    """Pillow's name for the direction of a level; None without libfribidi, when Pillow has only one direction."""
    if fribidi() is None:
        return None
    return "rtl" if level % 2 else "ltr"


@lru_cache(maxsize=64)
def _open(path: Path, index: int, em: int, shaped: bool) -> ImageFont.FreeTypeFont:
    path.open("rb").close()  # FreeType does not say why a file cannot be opened
    engine = ImageFont.Layout.RAQM if shaped else ImageFont.Layout.BASIC
    return ImageFont.truetype(str(path), em, index=index, layout_engine=engine)


@lru_cache(maxsize=4096)
def _measure(face: Face, text: str, direction: str | None) -> Metrics:
    em = face.strike if face.coloured else _MEASURE_EM_PX
    font = face.at(em)
    left, top, right, bottom = font.getbbox(text, direction=direction, anchor="ls")
    return Metrics(font.getlength(text, direction=direction) / em, left / em, top / em, right / em, bottom / em)
