"""The layout of a text: fonts, directions and line breaks. All lengths are in ems, so one layout serves every size."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, groupby

from pi_stream.captions.caption import Family
from pi_stream.overlay.bidi import levels, reorder
from pi_stream.overlay.clusters import clusters, is_east_asian, is_emoji
from pi_stream.overlay.face import Face, Metrics
from pi_stream.overlay.fonts import Fonts

LEADING = 1.3  # the height of a line, in ems
BASELINE = 1.0  # from the top of a line, in ems

_MAX_CHARACTERS = 4000  # that are drawn; a caption has at most 1000, but other texts have any number
_BREAKS = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")
_DIRECTING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Characters that a line does not begin or end with, Japanese and others (kinsoku shori, JIS X 4051, in part).
_NOT_FIRST = frozenset(
    "、。，．・：；？！゛゜ヽヾゝゞ々ー”’」』）］｝〉》】〕…‥～ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ%)]}!?,.:;"
)
_NOT_LAST = frozenset("“‘「『（［｛〈《【〔([{¥$£€#")


@dataclass(frozen=True, slots=True)
class Run:
    """Adjacent clusters with the same face and level, in the order in which they were typed."""

    face: Face
    level: int
    clusters: tuple[str, ...]

    def pieces(self) -> Iterator[tuple[str, Metrics]]:
        """The texts to draw, left to right, each with its size: the whole run, or each emoji of it."""
        if self.face.coloured:
            for cluster in reversed(self.clusters) if self.level % 2 else self.clusters:
                yield cluster, self.face.measure(cluster, self.level)
        elif text := _DIRECTING.sub("", "".join(self.clusters)):
            yield text, self.face.measure(text, self.level)


@dataclass(frozen=True, slots=True)
class Line:
    """Runs in the order in which they are drawn, left to right.

    `width` is that of the line, `above` and `below` how far its ink reaches from the baseline, `left` and `right` how
    far beyond the line's ends; in ems.
    """

    runs: tuple[Run, ...]
    width: float
    above: float
    below: float
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class _Word:
    """The clusters from `start` up to `stop` of a paragraph, between two possible line breaks."""

    start: int
    stop: int
    width: float  # without the spaces at its end
    whole: float  # with it


class Layout:
    """A text with known fonts and directions; `lines` breaks it into lines of any width. Raises OSError: see Fonts."""

    def __init__(self, text: str, family: Family, fonts: Fonts) -> None:
        self._paragraphs = [_Paragraph(each, family, fonts) for each in _BREAKS.split(_clean(text))]

    @property
    def widest_word(self) -> float:
        """The width that lines need so that no word is broken, in ems."""
        return max((word.width for paragraph in self._paragraphs for word in paragraph.words), default=0.0)

    def lines(self, width: float) -> list[Line]:
        """The lines, at most `width` ems wide unless one cluster is wider. Words are broken only if they must be."""
        return [line for paragraph in self._paragraphs for line in paragraph.lines(width)]


class _Paragraph:
    """A text without line breaks. Its first strong character decides its direction (UAX #9)."""

    def __init__(self, text: str, family: Family, fonts: Fonts) -> None:
        self._clusters = clusters(text)
        self._faces = fonts.faces(self._clusters, family)
        found = levels(text)
        starts = accumulate((len(each) for each in self._clusters), initial=0)
        self._levels = [found[start] for start, _ in zip(starts, self._clusters, strict=False)]
        self.words = self._cut_into_words()

    def lines(self, width: float) -> Iterator[Line]:
        start = stop = 0
        used = 0.0
        for word in self.words:
            if stop > start and used + word.width > width:
                yield self._line(start, stop)
                start, used = word.start, 0.0
            stop = word.stop
            used += word.whole
            if word.width > width:  # wider than a line: broken between clusters
                used = 0.0
                for at in range(start, self._trimmed(start, stop)):
                    wide = self._width(at, at + 1)
                    if at > start and used + wide > width:
                        yield self._line(start, at)
                        start, used = at, 0.0
                    used += wide
                used += word.whole - word.width
        yield self._line(start, stop)

    def _cut_into_words(self) -> list[_Word]:
        words: list[_Word] = []
        start = 0
        for at in range(1, len(self._clusters) + 1):
            if at == len(self._clusters) or _may_break(self._clusters[at - 1], self._clusters[at]):
                words.append(_Word(start, at, self._width(start, self._trimmed(start, at)), self._width(start, at)))
                start = at
        return words

    def _trimmed(self, start: int, stop: int) -> int:
        while stop > start and self._clusters[stop - 1].isspace():
            stop -= 1
        return stop

    def _width(self, start: int, stop: int) -> float:
        return sum(metrics.advance for run in self._runs(start, stop) for _, metrics in run.pieces())

    def _runs(self, start: int, stop: int) -> list[Run]:
        alike = groupby(range(start, stop), key=lambda at: (self._faces[at], self._levels[at]))
        return [Run(face, level, tuple(self._clusters[at] for at in places)) for (face, level), places in alike]

    def _line(self, start: int, stop: int) -> Line:
        runs = reorder(self._runs(start, self._trimmed(start, stop)))
        x = left = right = above = below = 0.0
        for run in runs:
            for _, metrics in run.pieces():
                left, right = min(left, x + metrics.left), max(right, x + metrics.right)
                above, below = max(above, -metrics.top), max(below, metrics.bottom)
                x += metrics.advance
        return Line(tuple(runs), x, above, below, -left, max(right - x, 0.0))


def _may_break(before: str, after: str) -> bool:
    """Whether a line may break between two clusters: after a space or a hyphen, or beside Han, kana and emoji."""
    if after.isspace():
        return False
    if before.isspace() or before in ("\u200b", "-", "‐", "–", "—"):
        return before not in ("\u00a0", "\u202f")
    if after[0] in _NOT_FIRST or before[0] in _NOT_LAST:
        return False
    return any(is_east_asian(each) or is_emoji(each) for each in (before, after))


def _clean(text: str) -> str:
    """A text that fonts and libraries accept: no surrogates, no control characters, a limited length."""
    text = text[:_MAX_CHARACTERS].replace("\t", "    ")
    return unicodedata.normalize("NFC", "".join(_drawable(each) for each in text))


def _drawable(character: str) -> str:
    known = unicodedata.category(character) not in ("Cs", "Cc") or _BREAKS.match(character)
    return character if known else "\ufffd"
