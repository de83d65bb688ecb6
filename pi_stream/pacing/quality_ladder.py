"""quality "auto": the sizes, qualities and rates that a viewer may be sent, and when it moves between them. No I/O.

The steps are the same for all viewers, so that viewers on the same step share a channel, and its frames are encoded
once. The rule uses the share of the due frames that the viewer could take: its window (window.py) is closed while the
link or the viewer is busy, and frames that come meanwhile are missed.

Two spans in a row with many misses lead down, directly to a step that the measured throughput is enough for. One such
span alone is ignored, because it may be a short disturbance or a hidden tab, unless it is the first after a step up.
Some time without misses leads one step up. A step that failed is tried again later, each time after twice as long, so
that a link that is too slow for it is rarely disturbed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

# (share of the camera's width, quality, frames a second), each a maximum. Each step has about two thirds to two fifths
# of the bytes a second of the one before. The first is that of a viewer without "auto".
_RUNGS = (
    (1.0, 100, 1000.0),
    (1.0, 60, 1000.0),
    (0.75, 60, 1000.0),
    (0.5, 70, 1000.0),
    (0.5, 50, 20.0),
    (0.375, 50, 12.0),
    (0.25, 45, 10.0),
    (0.25, 30, 5.0),
)
_MAX_NEED_SHARE = 0.8  # of the bytes of the step before; a smaller difference is not worth a change
_MIN_WIDTH_PX = 160  # below, things cannot be recognised

_MIN_SPAN_US = 500_000  # that is judged together
_MIN_SPAN_FRAMES = 15  # due in a span: with fewer, a single missed frame would count too much
_CROWDED_SHARE = 0.9  # the link does not carry the step if the share of frames taken is below
_CLEAR_SHARE = 0.93  # it may carry more if the share is at least this
_USABLE_SHARE = 0.8  # of the measured throughput that a step down may need
_MIN_CLEAR_US = 2_000_000  # without misses before a step up
_MAX_CLEAR_US = 64_000_000  # the same for a step that has failed repeatedly
_HELD_US = 60_000_000  # a step that was kept for longer than this has not failed


@dataclass(frozen=True, slots=True)
class Step:
    """Pictures of at most this width (pixels, even) and rate (fps), in this quality (1 to 100; 0: lossless).

    `weight` is the size of one frame in relation to that of other steps.
    """

    width: int
    quality: int
    fps: float
    weight: float = 1.0

    def relative_rate(self, fps: float) -> float:
        """Bytes a second in relation to other steps, for a source of this rate."""
        return self.weight * min(self.fps, fps)


def steps(width: int, fps: float, quality: int, *, widest: int | None = None) -> tuple[Step, ...]:
    """Return the steps for a camera of `width` pixels, best first.

    No step is wider than `widest` pixels, faster than `fps`, or better than `quality` (1 to 100; 0: a lossless
    encoding, whose steps differ only in size and rate).
    """
    found: list[Step] = []
    max_width = min(width, (widest or width) // 2 * 2)
    for share, best, fastest in _RUNGS:
        narrow = max(min(max_width, _MIN_WIDTH_PX), int(width * share) // 2 * 2)
        step = _step(min(max_width, narrow), min(quality, best), min(fps, fastest))
        if not found or (
            narrow <= max_width and step.relative_rate(fps) < _MAX_NEED_SHARE * found[-1].relative_rate(fps)
        ):
            found.append(step)
    return tuple(found)


def _step(width: int, quality: int, fps: float) -> Step:
    """A step with its weight, fitted to a film as JPEG, 320 to 1280 pixels wide, quality 30 to 80; it fits within 10 %.

    libjpeg scales its divisors by 200 - 2q, below 50 by 5000 / q (jcparam.c, jpeg_quality_scaling); the size of a frame
    is about proportional to the inverse square root of that.
    """
    divisor = 1.0 if quality == 0 else max(1.0, 200 - 2 * quality) if quality >= 50 else 5000 / quality
    return Step(width, quality, fps, width**1.6 * divisor**-0.55)


class QualityLadder:
    """The step of one viewer. Times in microseconds of the server's clock."""

    def __init__(self, steps: Sequence[Step], now: int) -> None:
        """Start on the first of `steps`, of which there is at least one."""
        self._steps = tuple(steps)
        self._clear_needed = [_MIN_CLEAR_US] * len(self._steps)
        self._at = self._left = 0
        self._moved = now
        self._began: int | None = now  # of the present span; None: no frame of this step was drawn yet
        self._counted = (0, 0)  # taken and missed when the span began
        self._clear_since: int | None = None
        self._crowded = False  # whether the last span was
        # `update` does nothing before this time, and need not be called.
        self.next_update = now + _MIN_SPAN_US
        self._from: int | None = None  # the step below from which this one was tried

    @property
    def step(self) -> Step:
        """What to send to the viewer."""
        return self._steps[self._at]

    def update(self, now: int, sent: int, taken: int, missed: int, carried: float) -> bool:
        """Judge the step after a frame was drawn at `now` that was sent at `sent`. Returns whether `step` has changed.

        `taken` and `missed` count the frames of this step that were sent, and that were replaced before they could be
        sent. `carried` is the number of such frames a second that the link carried in the last trips.
        """
        if sent < self._moved or now < self.next_update:
            return False  # a frame of another step says nothing about this one
        if self._began is None:
            self._begin(now, taken, missed)
            return False
        took, lost = taken - self._counted[0], missed - self._counted[1]
        elapsed = now - self._began
        if took + lost < _MIN_SPAN_FRAMES:
            return False
        share, due = took / (took + lost), (took + lost) * 1e6 / elapsed
        self._begin(now, taken, missed)
        if share < _CROWDED_SHARE:
            return self._crowd(now, due, min(carried, due))
        self._crowded = False
        if share < _CLEAR_SHARE:
            self._clear_since = None
            return False
        return self._clear(now, elapsed)

    def undo(self, now: int) -> None:
        """Return to the step before, because the new one is not available."""
        self._move(now, self._left)
        self._from = None

    def _begin(self, now: int, taken: int, missed: int) -> None:
        self._began = now
        self._counted = (taken, missed)
        self.next_update = now + _MIN_SPAN_US

    def _crowd(self, now: int, due: float, carried: float) -> bool:
        trying = self._from is not None and self._clear_since is None  # it was never clear since the step up
        before, self._crowded, self._clear_since = self._crowded, True, None
        if not (before or trying) or self._at == len(self._steps) - 1:
            return False
        lower = self._at + 1
        while lower < len(self._steps) - 1:
            # The step from which this one was tried needs no margin: the link is known to carry it.
            usable = 1.0 if lower == self._from else _USABLE_SHARE
            if self._steps[lower].relative_rate(due) <= usable * self.step.weight * carried:
                break
            lower += 1
        if now - self._moved > _HELD_US:
            self._clear_needed[self._at] = _MIN_CLEAR_US
        else:
            for failed in range(self._at, lower if self._from is not None else self._at + 1):
                self._clear_needed[failed] = min(2 * self._clear_needed[failed], _MAX_CLEAR_US)
        self._move(now, lower)
        return True

    def _clear(self, now: int, elapsed: int) -> bool:
        if self._clear_since is None:
            self._clear_since = now - elapsed
        if self._at == 0 or now - self._clear_since < self._clear_needed[self._at - 1]:
            return False
        self._move(now, self._at - 1)
        return True

    def _move(self, now: int, at: int) -> None:
        self._from = self._at if at < self._at else None
        self._left, self._at = self._at, at
        self._moved = now
        self._began = None
        self.next_update = now
        self._clear_since = None
        self._crowded = False
