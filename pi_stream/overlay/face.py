"""A face: one font of a file, at any size, measured and opened once."""

import logging
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from pi_stream.errors import used_up
from pi_stream.overlay.bidi import library
from pi_stream.overlay.clusters import CodePoints

log = logging.getLogger(__name__)

_REFERENCE = 64  # pixels to the em at which text is measured, so that it breaks into the same lines at every size
# Pixels to the em of the one size that bitmap emoji have: Noto's, then those of other makers.
_STRIKES = (109, 136, 128, 160, 96, 72, 64)


@dataclass(frozen=True, slots=True)
class Metrics:
    """How much room a text takes, in ems, from its origin on the baseline; y grows downwards, so `top` is negative.

    `advance` is to where the next text begins; the others are the ink's box.
    """

    advance: float
    left: float
    top: float
    right: float
    bottom: float


class Face:
    """A font file's face: `index` counts the faces within the file, `characters` are those it has glyphs for."""

    def __init__(self, path: Path, index: int, characters: CodePoints, coloured: bool = False) -> None:
        self.path = path
        self.index = index
        self.characters = characters
        self.coloured = coloured

    def __repr__(self) -> str:
        return f"<Face {self.path.name} {self.index}>"

    @cached_property
    def opens(self) -> bool:
        """Whether it can be drawn with; why not is said in the log.

        Raises OSError where that cannot be known now, since no file descriptor is left.
        """
        try:
            if self.coloured:
                return self.strike > 0
            self.at(_REFERENCE)
        except OSError as error:
            if used_up(error):
                raise
            log.warning("the font %s cannot be used: %s", self.path, error)
            return False
        return True

    @cached_property
    def strike(self) -> int:
        """The size, in pixels to the em, at which a coloured face is drawn before it is scaled; 0 if it has no colours
        that Pillow can draw, as is so for the newest kind, COLR version 1."""
        sample = next((each for each in "\U0001f600❤1" if each in self.characters), None)
        for size in _STRIKES if sample else ():
            try:
                font = self.at(size)
            except OSError as error:
                if used_up(error):
                    raise
                continue  # it does not have this size
            canvas = Image.new("RGBA", (2 * size, 2 * size))
            ImageDraw.Draw(canvas).text((0, size), sample or "", font=font, anchor="ls", embedded_color=True)
            if canvas.getbbox():
                return size
        return 0

    def at(self, em: int) -> ImageFont.FreeTypeFont:
        """The font at a size in pixels to the em. Raises OSError when the file is gone, damaged, or lacks the size."""
        return _open(self.path, self.index, em, library() is not None)

    def measure(self, text: str, level: int) -> Metrics:
        """The room that a run of one level takes."""
        return _measure(self, text, direction(level))


def direction(level: int) -> str | None:
    """Pillow's name for the way a level runs; None when Pillow knows but one."""
    if library() is None:
        return None
    return "rtl" if level % 2 else "ltr"


@lru_cache(maxsize=64)
def _open(path: Path, index: int, em: int, shaped: bool) -> ImageFont.FreeTypeFont:
    path.open("rb").close()  # FreeType does not say why it could not
    engine = ImageFont.Layout.RAQM if shaped else ImageFont.Layout.BASIC
    return ImageFont.truetype(str(path), em, index=index, layout_engine=engine)


@lru_cache(maxsize=4096)
def _measure(face: Face, text: str, way: str | None) -> Metrics:
    em = face.strike if face.coloured else _REFERENCE
    font = face.at(em)
    left, top, right, bottom = font.getbbox(text, direction=way, anchor="ls")
    return Metrics(font.getlength(text, direction=way) / em, left / em, top / em, right / em, bottom / em)
