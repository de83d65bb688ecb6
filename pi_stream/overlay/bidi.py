"""The direction of each character, and the order in which the runs of a line are drawn: UAX #9.

The levels come from the system's libfribidi, which Pillow's complex layout (raqm) needs too. Without it text is drawn
in the order in which it was typed, with letters that are not joined.
"""

import ctypes
import logging
from collections.abc import Sequence
from functools import cache
from typing import Protocol, TypeVar

from PIL import features

log = logging.getLogger(__name__)

_LIBRARY_NAMES = ("libfribidi.so.0", "libfribidi.so", "libfribidi.0.dylib", "fribidi-0.dll")
_PARAGRAPH_DECIDES = 0x40  # FRIBIDI_PAR_ON of fribidi-types.h: the first strong character decides, else left to right


class _HasLevel(Protocol):
    @property
    def level(self) -> int: ...


T = TypeVar("T", bound=_HasLevel)


@cache
def fribidi() -> ctypes.CDLL | None:
    """The system's libfribidi, loaded once. None if it is missing, which is logged once."""
    if features.check_feature("raqm"):
        for name in _LIBRARY_NAMES:
            try:
                return ctypes.CDLL(name)
            except OSError:
                continue
    log.warning(
        "libfribidi is missing: Arabic and Hebrew captions run backwards, with letters that are not joined; "
        "`apt install libfribidi0` fixes it"
    )
    return None


def levels(paragraph: str) -> list[int]:
    """The embedding level of each character of one paragraph: an even one runs left to right, an odd one right to left.

    Without libfribidi all are 0. Raises MemoryError.
    """
    size = len(paragraph)
    library = fribidi()
    if library is None or paragraph.isascii():
        return [0] * size
    text = (ctypes.c_uint32 * size)(*map(ord, paragraph))
    types = (ctypes.c_uint32 * size)()
    brackets = (ctypes.c_uint32 * size)()
    found = (ctypes.c_int8 * size)()
    direction = ctypes.c_uint32(_PARAGRAPH_DECIDES)
    library.fribidi_get_bidi_types(text, size, types)
    library.fribidi_get_bracket_types(text, size, types, brackets)
    if not library.fribidi_get_par_embedding_levels_ex(types, brackets, size, ctypes.byref(direction), found):
        raise MemoryError("libfribidi has no memory for the levels of a text")
    return list(found)


def reorder(runs: Sequence[T]) -> list[T]:
    """The runs of one line in the order in which they are drawn, left to right (UAX #9, rule L2)."""
    seen = list(runs)
    odd = [run.level for run in seen if run.level % 2]
    for level in range(max((run.level for run in seen), default=0), min(odd, default=1) - 1, -1):
        at = 0
        while at < len(seen):
            end = at
            while end < len(seen) and seen[end].level >= level:
                end += 1
            seen[at:end] = reversed(seen[at:end])
            at = max(end, at + 1)
    return seen
