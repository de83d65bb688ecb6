"""Text in grapheme clusters, and which of them are emoji.

A cluster is what a reader takes for one character: a letter with its accents, a family of emoji, a flag. The rules are
the part of UAX #29 that matters for fonts and line breaks. The table of emoji is from Unicode 15's emoji-data.txt.
"""

import unicodedata
from bisect import bisect_right

_ZWNJ, _ZWJ = "\u200c", "\u200d"
_TEXT, _EMOJI = "\ufe0e", "\ufe0f"  # variation selectors: as text, as emoji
_KEYCAP = "\u20e3"
_MAX_CLUSTER_CHARACTERS = 32  # no language needs more: the stream-safe format of UAX #15 allows 30 marks
_NO_GLYPH = frozenset(("Cf", "Cc"))  # categories of characters that are not drawn themselves


class CodePoints:
    """A set of code points, of a text as fontconfig writes it: "20-7e a0 100-17f", hexadecimal, in ascending order."""

    def __init__(self, ranges: str) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for each in ranges.split():
            first, _, last = each.partition("-")
            self._firsts.append(int(first, 16))
            self._lasts.append(int(last or first, 16))

    def __contains__(self, character: str) -> bool:
        code = ord(character)
        at = bisect_right(self._firsts, code) - 1
        return at >= 0 and code <= self._lasts[at]


# Emoji_Presentation=Yes: in colour unless U+FE0E follows. The last block is complete, for emoji of later versions.
_COLOURED = CodePoints(
    "231a-231b 23e9-23ec 23f0 23f3 25fd-25fe 2614-2615 2648-2653 267f 2693 26a1 26aa-26ab 26bd-26be 26c4-26c5 26ce "
    "26d4 26ea 26f2-26f3 26f5 26fa 26fd 2705 270a-270b 2728 274c 274e 2753-2755 2757 2795-2797 27b0 27bf 2b1b-2b1c "
    "2b50 2b55 1f004 1f0cf 1f18e 1f191-1f19a 1f1e6-1f1ff 1f201 1f21a 1f22f 1f232-1f236 1f238-1f23a 1f250-1f251 "
    "1f300-1f320 1f32d-1f335 1f337-1f37c 1f37e-1f393 1f3a0-1f3ca 1f3cf-1f3d3 1f3e0-1f3f0 1f3f4 1f3f8-1f43e 1f440 "
    "1f442-1f4fc 1f4ff-1f53d 1f54b-1f54e 1f550-1f567 1f57a 1f595-1f596 1f5a4 1f5fb-1f64f 1f680-1f6c5 1f6cc "
    "1f6d0-1f6d2 1f6d5-1f6d7 1f6dc-1f6df 1f6eb-1f6ec 1f6f4-1f6fc 1f7e0-1f7eb 1f7f0 1f90c-1f93a 1f93c-1f945 "
    "1f947-1f9ff 1fa70-1faff"
)
# Characters that may follow a ZWJ inside one emoji (Extended_Pictographic, in whole blocks).
_PICTOGRAPHIC = CodePoints(
    "a9 ae 203c 2049 2122 2139 2190-21ff 2300-23ff 24c2 25a0-27bf 2900-2bff 3030 303d 3297 3299 1f000-1faff"
)
_EXTENDING = CodePoints("1f3fb-1f3ff e0020-e007f")  # skin tones, and the tags of flags such as Wales'
_REGIONAL = CodePoints("1f1e6-1f1ff")
_JAMO_VOWELS_AND_TAILS = CodePoints("1160-11ff d7b0-d7ff")
_EAST_ASIAN = CodePoints(
    "2e80-2fdf 3000-30ff 3190-31ff 3220-33ff 3400-4dbf 4e00-9fff f900-faff fe30-fe4f ff00-ffef 16fe0-18cff "
    "1aff0-1b16f 20000-3ffff"
)
_KANA = CodePoints("3040-30ff 31f0-31ff ff66-ff9f 1aff0-1b16f")
_HANGUL = CodePoints("1100-11ff 3130-318f a960-a97f ac00-d7ff")


def clusters(text: str) -> list[str]:
    """Split a text into clusters. Joined, they are the text again."""
    found: list[str] = []
    for character in text:
        if found and len(found[-1]) < _MAX_CLUSTER_CHARACTERS and _belongs(found[-1], character):
            found[-1] += character
        else:
            found.append(character)
    return found


def _belongs(cluster: str, character: str) -> bool:
    last = cluster[-1]
    if last == "\n" or character == "\n":
        return False
    if character in (_ZWJ, _ZWNJ) or character in _EXTENDING or character in _JAMO_VOWELS_AND_TAILS:
        return True
    if unicodedata.category(character) in ("Mn", "Mc", "Me"):
        return True
    if last == _ZWJ:
        return character in _PICTOGRAPHIC and cluster[0] in _PICTOGRAPHIC
    return len(cluster) == 1 and character in _REGIONAL and last in _REGIONAL  # two of these are one flag


def is_emoji(cluster: str) -> bool:
    """Whether a cluster is to be drawn in colour."""
    if _TEXT in cluster:
        return False
    if _EMOJI in cluster or cluster[0] in _COLOURED:
        return True
    return len(cluster) > 1 and cluster[0] in _PICTOGRAPHIC and (_ZWJ in cluster or cluster[1] in _EXTENDING)


def is_east_asian(cluster: str) -> bool:
    """Whether a cluster is Han, kana, or their punctuation or wide forms, whose shapes depend on the language."""
    return cluster[0] in _EAST_ASIAN


def east_asian_language(text: str) -> str:
    """The language that decides the shapes of a text's Han characters: `ko` if it has Hangul and no kana, else `ja`."""
    if any(character in _HANGUL for character in text) and not any(character in _KANA for character in text):
        return "ko"
    return "ja"


def needed(cluster: str) -> list[str]:
    """The characters of a cluster that a font must have glyphs for; empty if it has none that are drawn."""
    return [each for each in cluster if each not in (_TEXT, _EMOJI) and unicodedata.category(each) not in _NO_GLYPH]
