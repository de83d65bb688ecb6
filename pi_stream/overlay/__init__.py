"""The overlay: all captions, drawn on a frame before the hub sees it.

A text becomes an array of pixels once (`text`), that becomes a patch in the picture's own colour space (`patch`), and
the patch is blended into every frame until its text changes.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from pi_stream.captions.caption import Anchor, Caption, CaptionDraft
from pi_stream.captions.fields import FieldContext
from pi_stream.captions.store import CaptionStore
from pi_stream.captions.template import parse_template
from pi_stream.lib import clock
from pi_stream.media.frame import Frame
from pi_stream.overlay.bidi import library
from pi_stream.overlay.block import Align
from pi_stream.overlay.fonts import installed
from pi_stream.overlay.offline_picture import offline_picture, render_text
from pi_stream.overlay.patch import Patch
from pi_stream.overlay.text import render
from pi_stream.overlay.time_budget import TimeBudget

__all__ = ["Caption", "CaptionDraft", "CaptionStore", "Overlay", "offline_picture", "render_text"]

log = logging.getLogger(__name__)

# Where in its own box a caption's anchor is, as fractions of the box's sides, and where its lines begin.
_ANCHORS: Mapping[Anchor, tuple[float, float, Align]] = {
    "top-left": (0, 0, "left"),
    "top": (0.5, 0, "center"),
    "top-right": (1, 0, "right"),
    "left": (0, 0.5, "left"),
    "center": (0.5, 0.5, "center"),
    "right": (1, 0.5, "right"),
    "bottom-left": (0, 1, "left"),
    "bottom": (0.5, 1, "center"),
    "bottom-right": (1, 1, "right"),
}
_NARROWEST = 0.25  # of the picture's width, that a caption's lines may have even close to the picture's edge
_MOST = 8  # times the picture's area, that all captions together may cover: it bounds memory, and the time of blending
# Of the time, what drawing texts anew may take. Many captions may appear at once in one frame; but where long texts
# change in every frame, it is they that come late, and not the pictures.
_SHARE, _AT_ONCE = 0.25, 300_000  # microseconds


def _late() -> int:
    """How many fonts came late. None, before those of this machine could be read: there is no drawing without."""
    try:
        return installed().late
    except OSError:
        return 0


class _Look(NamedTuple):
    """What a caption may look different for: the picture's size, how many fonts came late, and the time, in seconds."""

    size: tuple[int, int]
    fonts: int
    second: datetime


class _Drawn(NamedTuple):
    """A caption as it was drawn, and what it said."""

    caption: Caption
    look: _Look
    text: str
    patch: Patch


class Overlay:
    """Draws captions on frames; keeps what it has drawn for as long as it is needed.

        overlay = Overlay()
        overlay.draw(frame, captions.all, lambda: FieldContext(frame=frame, source_fps=30, ...))

    `rendered` counts the texts that were drawn anew. That may take its `allowance` of the time and no more: where too
    much changes, a caption comes some frames late, or says for so long what it said before. One call at a time, from
    any thread.
    """

    def __init__(self, allowance: TimeBudget | None = None) -> None:
        self.rendered = 0
        self._drawn: dict[str, _Drawn] = {}  # by the captions' ids
        self._crowded = False
        self._allowance = allowance or TimeBudget(_SHARE, _AT_ONCE)
        self._turn = 0  # the first caption that may be drawn anew; those before it were, in the frames before
        self._next: int | None = None  # the first that had to wait in this frame
        library()  # at the start, while there surely are file descriptors: it is looked for only once

    def draw(self, frame: Frame, captions: tuple[Caption, ...], context: Callable[[], FieldContext]) -> None:
        """Draw all captions on the frame's planes, in place, the first at the bottom.

        `context` gives what fields show. It is called once if a caption shows any field but the clock, else not at
        all. The clock is the machine's, in its own time zone.
        """
        look = _Look((frame.width, frame.height), _late(), datetime.now().replace(microsecond=0))
        known: FieldContext | None = None
        drawn: dict[str, _Drawn] = {}
        area = 0
        self._turn, self._next = self._next or 0, None
        for place, caption in enumerate(captions):
            if known is None and parse_template(caption.text).refresh == "frame":
                known = context()
            try:
                now = self._draw(place, caption, look, known)
            except OSError as error:  # its font is gone, or no file descriptor is left to read it with
                log.warning("the caption %s is left out: its font cannot be read: %s", caption.id, error)
                continue
            if now is None:
                continue
            drawn[caption.id] = now
            area += now.patch.area
            if area > _MOST * frame.width * frame.height:
                self._say_crowded(caption)
                break
            now.patch.blend(frame)
        else:
            self._crowded = False
        self._drawn = drawn

    def _draw(self, place: int, caption: Caption, look: _Look, context: FieldContext | None) -> _Drawn | None:
        """The caption as it is now, or, where its turn has not come, as it was, if it was; what has not changed since
        the last frame is not drawn anew."""
        before = self._drawn.get(caption.id)
        text: str | None = None
        template = parse_template(caption.text)
        if before is not None and before.caption is caption and before.look[:2] == look[:2]:
            refresh = template.refresh
            if refresh == "never" or (refresh == "second" and before.look.second == look.second):
                return before
            text = template.fill_in(look.second.astimezone(), context)
            if text == before.text:
                return before._replace(look=look)
        if not self._may_draw(place):
            return before if before is not None and before.look.size == look.size else None
        if text is None:
            text = template.fill_in(look.second.astimezone(), context)
        return _Drawn(caption, look, text, self._patch(caption, text, look.size))

    def _may_draw(self, place: int) -> bool:
        if place < self._turn or self._next is not None:
            return False
        if self._allowance.some(clock.now()):
            return True
        self._next = place
        return False

    def _patch(self, caption: Caption, text: str, size: tuple[int, int]) -> Patch:
        self.rendered += 1
        started = clock.now()
        try:
            return self._render(caption, text, size)
        finally:
            self._allowance.spend(clock.now() - started)

    @staticmethod
    def _render(caption: Caption, text: str, size: tuple[int, int]) -> Patch:
        width, height = size
        anchor_x, anchor_y, align = _ANCHORS[caption.anchor]
        room = {"left": 1 - caption.x, "center": 2 * min(caption.x, 1 - caption.x), "right": caption.x}[align]
        pixels = render(
            text,
            size=caption.size * height,
            color=caption.color,
            background=caption.background,
            font=caption.font,
            align=align,
            max_width=round(max(room, _NARROWEST) * width),
            max_height=height,
        )
        x = round(caption.x * width - anchor_x * pixels.shape[1])
        y = round(caption.y * height - anchor_y * pixels.shape[0])
        return Patch(pixels, x, y, size)

    def _say_crowded(self, caption: Caption) -> None:
        if not self._crowded:
            log.warning(
                "the captions cover more than %d times the picture: %s and those after it are not drawn",
                _MOST,
                caption.id,
            )
        self._crowded = True
