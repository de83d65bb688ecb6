"""quality "auto": the sizes, qualities and rates that a viewer may be sent, and when it moves between them. No I/O.

The steps are the same for all viewers, so that those who stand on one share a channel and it is encoded once. What
decides is the share of the frames due to a viewer that it could take: its window (window.py) is closed while the line
or the viewer itself is busy, and what comes meanwhile is missed. Two spans in a row in which many were missed lead
down, at once to the step that what came through is enough for; one alone is a hiccup, or a tab that nobody looked at,
unless it is the first after a step up.
Some time without misses leads one step up. A step that did not hold is tried again later, each time after twice as
long: a line that cannot carry it is not asked again and again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

# (part of the camera's width, quality, frames a second), each at most; each about two thirds to two fifths of the one
# before in bytes a second. The first is what a viewer without "auto" gets.
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
_APART = 0.8  # of what the step before needs is the most that a step needs; less of a difference would only be a jolt
_NARROWEST = 160  # pixels; below that one sees colours rather than things

_SPAN = 500_000  # microseconds that are judged together, at least
_FEW = 15  # frames due in a span, at least: of fewer, one that is missed would say too much
_CROWDED = 0.9  # the share of frames taken below which the line does not carry the step
_CLEAR = 0.93  # the share from which on it may carry more
_SPARE = 0.8  # of what came through is what a step down may need
_PATIENCE = 2_000_000  # microseconds without misses before a step up
_LONGEST_PATIENCE = 64_000_000  # microseconds, for a step that failed again and again
_HELD = 60_000_000  # microseconds after which a step that is left was no failure


@dataclass(frozen=True, slots=True)
class Step:
    """Pictures of this width (pixels, even, at most), quality (1 to 100; 0: lossless) and rate (fps, at most).

    `weight` is the bytes of one frame, in proportion to those of other steps.
    """

    width: int
    quality: int
    fps: float
    weight: float = 1.0

    def need(self, fps: float) -> float:
        """Bytes a second, in proportion to other steps', of a source of that rate."""
        return self.weight * min(self.fps, fps)


def steps(width: int, fps: float, quality: int, *, widest: int | None = None) -> tuple[Step, ...]:
    """The steps for a camera of `width` pixels, best first, none wider than `widest`, faster than `fps` or finer than
    `quality` (1 to 100; 0: a lossless encoding, whose steps differ in size and rate only)."""
    found: list[Step] = []
    most = min(width, (widest or width) // 2 * 2)
    for part, finest, fastest in _RUNGS:
        narrow = max(min(most, _NARROWEST), int(width * part) // 2 * 2)
        step = _weighed(min(most, narrow), min(quality, finest), min(fps, fastest))
        if not found or (narrow <= most and step.need(fps) < _APART * found[-1].need(fps)):
            found.append(step)
    return tuple(found)


def _weighed(width: int, quality: int, fps: float) -> Step:
    """A step and its weight: fitted to a film in JPEG, 320 to 1280 pixels wide, quality 30 to 80; right to 10 %.

    libjpeg divides by 200 - 2q, below 50 by 5000 / q (jcparam.c, jpeg_quality_scaling); the bytes go with its root.
    """
    divisor = 1.0 if quality == 0 else max(1.0, 200 - 2 * quality) if quality >= 50 else 5000 / quality
    return Step(width, quality, fps, width**1.6 * divisor**-0.55)


class QualityLadder:
    """Where one viewer stands. Times in microseconds."""

    def __init__(self, steps: Sequence[Step], now: int) -> None:
        """It stands on the first of `steps`, of which there is at least one."""
        self._steps = tuple(steps)
        self._patience = [_PATIENCE] * len(self._steps)
        self._at = self._left = 0
        self._moved = now
        self._began: int | None = now  # of the span that is counted; None: until a frame of this step was drawn
        self._counted = (0, 0)  # taken and missed, when the span began
        self._clear_since: int | None = None
        self._crowded = False  # whether the span before was
        # Until then `weigh` has nothing to say, and need not be asked.
        self.quiet_until = now + _SPAN
        self._from: int | None = None  # the step that was left upwards for this one

    @property
    def step(self) -> Step:
        """What the viewer is to be sent."""
        return self._steps[self._at]

    def weigh(self, now: int, sent: int, taken: int, missed: int, carried: float) -> bool:
        """A frame that was sent at `sent` was drawn now. Whether `step` is another one from now on.

        `taken` and `missed` count the frames of this step that were sent, and that were replaced before they could
        be. `carried` is how many such frames a second the line took lately.
        """
        if sent < self._moved or now < self.quiet_until:
            return False  # a frame of another step says nothing of this one
        if self._began is None:
            self._begin(now, taken, missed)
            return False
        took, lost = taken - self._counted[0], missed - self._counted[1]
        elapsed = now - self._began
        if took + lost < _FEW:
            return False
        share, due = took / (took + lost), (took + lost) * 1e6 / elapsed
        self._begin(now, taken, missed)
        if share < _CROWDED:
            return self._crowd(now, due, min(carried, due))
        self._crowded = False
        if share < _CLEAR:
            self._clear_since = None
            return False
        return self._clear(now, elapsed)

    def undo(self, now: int) -> None:
        """The step could not be had: stand on the one that was left, and be counted there from now on."""
        self._move(now, self._left)
        self._from = None

    def _begin(self, now: int, taken: int, missed: int) -> None:
        self._began = now
        self._counted = (taken, missed)
        self.quiet_until = now + _SPAN

    def _crowd(self, now: int, due: float, carried: float) -> bool:
        trying = self._from is not None and self._clear_since is None  # it came up and was never clear since
        before, self._crowded, self._clear_since = self._crowded, True, None
        if not (before or trying) or self._at == len(self._steps) - 1:
            return False
        lower = self._at + 1
        while lower < len(self._steps) - 1:
            # A step that held until this one was tried needs no margin: it is known to be carried.
            spare = 1.0 if lower == self._from else _SPARE
            if self._steps[lower].need(due) <= spare * self.step.weight * carried:
                break
            lower += 1
        if now - self._moved > _HELD:
            self._patience[self._at] = _PATIENCE
        else:
            for failed in range(self._at, lower if self._from is not None else self._at + 1):
                self._patience[failed] = min(2 * self._patience[failed], _LONGEST_PATIENCE)
        self._move(now, lower)
        return True

    def _clear(self, now: int, elapsed: int) -> bool:
        if self._clear_since is None:
            self._clear_since = now - elapsed
        if self._at == 0 or now - self._clear_since < self._patience[self._at - 1]:
            return False
        self._move(now, self._at - 1)
        return True

    def _move(self, now: int, at: int) -> None:
        self._from = self._at if at < self._at else None
        self._left, self._at = self._at, at
        self._moved = now
        self._began = None
        self.quiet_until = now
        self._clear_since = None
        self._crowded = False
