"""The overlay: draws all captions on a frame before the hub gets it.

A text becomes an array of pixels (`text`), then a patch in the colour space of frames (`patch`). The patch is blended
into every frame until the text changes.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from pi_stream.captions.caption import Anchor, Caption
from pi_stream.captions.fields import FieldContext
from pi_stream.captions.template import parse_template
from pi_stream.lib import clock
from pi_stream.media.frame import Frame
from pi_stream.overlay.bidi import fribidi
from pi_stream.overlay.block import Align
from pi_stream.overlay.fonts import installed
from pi_stream.overlay.patch import Patch
from pi_stream.overlay.text import render_caption
from pi_stream.overlay.time_budget import TimeBudget

log = logging.getLogger(__name__)

# The position of each anchor in a caption's box, as fractions of its width and height, and how lines are aligned.
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
_MIN_LINE_WIDTH = 0.25  # of the picture's width, for captions near the picture's edge
_MAX_COVERED_PICTURES = 8  # areas of the picture that all captions together may cover: a limit of memory and time
# The time that the rendering of texts may take. Many captions may appear in one frame. But if long texts change in
# every frame, the captions are late and not the frames.
_MAX_RENDER_SHARE = 0.25
_MAX_RENDER_CREDIT_US = 300_000


def _late_fonts() -> int:
    """`Fonts.late`; 0 while this machine's fonts cannot be read."""
    try:
        return installed().late
    except OSError:
        return 0


class _Look(NamedTuple):
    """What a patch depends on beside its caption: the frame's size, `Fonts.late`, and the time in whole seconds."""

    size: tuple[int, int]
    fonts: int
    second: datetime


class _Drawn(NamedTuple):
    """A caption with its patch and the text that the patch shows."""

    caption: Caption
    look: _Look
    text: str
    patch: Patch


class Overlay:
    """Draws captions on frames, and keeps their patches while the captions are shown.

        overlay = Overlay()
        overlay.draw(frame, captions.all, lambda: FieldContext(frame=frame, source_fps=30, ...))

    `rendered` counts the texts that were rendered. `budget` limits the time for that: if too much changes, a caption
    shows its last text for some frames more, or appears some frames late. Any thread may use it, one at a time.
    """

    def __init__(self, budget: TimeBudget | None = None) -> None:
        self.rendered = 0
        self._drawn: dict[str, _Drawn] = {}  # by the captions' ids
        self._too_large = False
        self._budget = budget or TimeBudget(_MAX_RENDER_SHARE, _MAX_RENDER_CREDIT_US)
        self._first = 0  # the first caption that may be rendered in this frame: earlier ones had their turn
        self._next: int | None = None  # the first caption that had to wait in this frame
        fribidi()  # loaded at the start, while file descriptors are left: there is no second try

    def draw(self, frame: Frame, captions: tuple[Caption, ...], context: Callable[[], FieldContext]) -> None:
        """Draw all captions on the planes of the frame, in place, the first at the bottom.

        `context` gives what fields show. It is called once if a caption shows any field but the clock, else not at
        all. The clock is the machine's, in its own time zone.
        """
        look = _Look((frame.width, frame.height), _late_fonts(), datetime.now().replace(microsecond=0))
        known: FieldContext | None = None
        drawn: dict[str, _Drawn] = {}
        area = 0
        self._first, self._next = self._next or 0, None
        for place, caption in enumerate(captions):
            if known is None and parse_template(caption.text).refresh == "frame":
                known = context()
            try:
                now = self._draw(place, caption, look, known)
            except OSError as error:  # the font file is gone, or no file descriptor is left
                log.warning("the caption %s is not drawn: its font cannot be read: %s", caption.id, error)
                continue
            if now is None:
                continue
            drawn[caption.id] = now
            area += now.patch.area
            if area > _MAX_COVERED_PICTURES * frame.width * frame.height:
                self._warn_covered(caption)
                break
            now.patch.blend(frame)
        else:
            self._too_large = False
        self._drawn = drawn

    def _draw(self, place: int, caption: Caption, look: _Look, context: FieldContext | None) -> _Drawn | None:
        """The caption with its text of now. If it has to wait for its turn: as it was drawn last, or None."""
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
        if place < self._first or self._next is not None:
            return False
        if self._budget.has_credit(clock.now()):
            return True
        self._next = place
        return False

    def _patch(self, caption: Caption, text: str, size: tuple[int, int]) -> Patch:
        self.rendered += 1
        started = clock.now()
        try:
            return self._render(caption, text, size)
        finally:
            self._budget.spend(clock.now() - started)

    @staticmethod
    def _render(caption: Caption, text: str, size: tuple[int, int]) -> Patch:
        width, height = size
        anchor_x, anchor_y, align = _ANCHORS[caption.anchor]
        room = {"left": 1 - caption.x, "center": 2 * min(caption.x, 1 - caption.x), "right": caption.x}[align]
        pixels = render_caption(
            text,
            size=caption.size * height,
            color=caption.color,
            background=caption.background,
            font=caption.font,
            align=align,
            max_width=round(max(room, _MIN_LINE_WIDTH) * width),
            max_height=height,
        )
        x = round(caption.x * width - anchor_x * pixels.shape[1])
        y = round(caption.y * height - anchor_y * pixels.shape[0])
        return Patch(pixels, x, y, size)

    def _warn_covered(self, caption: Caption) -> None:
        if not self._too_large:
            log.warning(
                "the captions cover more than %d times the picture: %s and those after it are not drawn",
                _MAX_COVERED_PICTURES,
                caption.id,
            )
        self._too_large = True
