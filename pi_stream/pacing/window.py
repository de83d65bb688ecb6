"""How many frames may be on their way to a viewer: the rule that keeps pictures fresh, without I/O.

Newest-wins in the service does not bound latency by itself: the kernel's buffers and the viewer's hold the rest. So a
viewer says which frame it has drawn, and only so many that it has not drawn are ever on their way: a fixed number, or,
where the viewer leaves it to the service, as many as its line holds without queueing, so that a far viewer on a fast
line gets every frame and a near one on a slow line gets no old ones.
"""

from collections import deque
from typing import NamedTuple

from pi_stream.pacing.link import Link

DEFAULT = 2  # frames in flight, where nothing else is asked for: one is drawn while the next is on its way
_MOST = 64  # frames, as in protocol.md; two seconds of 30 fps
_SPARE = 1.25  # times what the line holds: enough to notice that it holds more by now
_SEARCH = 2.0  # the same before the line was seen to queue: every trip doubles what is known of it
_QUEUED = 1.5  # times the shortest trip; a longer one waited in a queue

_HALF = 1 << 31
_WHOLE = 1 << 32


class Sent(NamedTuple):
    """A frame that was sent: its seq; when it was captured (microseconds); its bytes. One for all viewers."""

    seq: int
    captured: int
    size: int


# A frame's way to one viewer: when it began (microseconds), how many bytes the viewer had acknowledged by then, and how
# many frames were on their way. A bare tuple, since there is one for every frame of every viewer.
_Trip = tuple[int, int, int]


class Window:
    """The frames in flight to one viewer. With `size` None nothing is acknowledged and it is always open.

    There is work here for every frame of every viewer, and between two of them the other viewers' have emptied the
    caches: what need not be known of a viewer is not kept.

    `follows`: `size` is the least, and as many more as the line holds may be in flight. Without, it is the most.
    `measured`: what the line carries is wanted for other reasons; else it is left out where `size` is the most.
    """

    def __init__(self, size: int | None = None, *, follows: bool = False, measured: bool = False) -> None:
        self.size = size
        self.line = Link()
        self._follows = follows
        self._flight: deque[Sent] = deque()
        # Of a window that is measured: the trips of the frames in flight, their bytes, and the bytes drawn, ever.
        self._trips: deque[_Trip] | None = deque() if size is not None and (follows or measured) else None
        self._bytes = self._drawn = 0
        self._spare = _SEARCH
        self._draining = False
        self._resized = 0  # when frames last became smaller; trips that began before are not measured
        self.began = 0  # when the last trip did that ended (microseconds), of a window that is measured

    @property
    def open(self) -> bool:
        """Whether another frame may be sent."""
        frames = len(self._flight)
        if self.size is None or frames < self.size:
            return True
        if not self._follows or frames >= _MOST or self._draining:
            return False
        return self._bytes < self._spare * self.line.holds

    @property
    def in_flight(self) -> int:
        """Frames sent and not acknowledged."""
        return len(self._flight)

    def resize(self, now: int, *, smaller: bool) -> None:
        """Frames of another size are to come: find out quickly how many of them the line holds.

        Smaller ones take shorter trips, so that those of the larger ones tell nothing: all is measured anew.
        """
        self._spare = _SEARCH
        if smaller:
            self.line = Link()
            self._resized = now

    def sent(self, frame: Sent, now: int) -> None:
        """Note a frame that was handed to the socket now (microseconds)."""
        if self._trips is not None:
            self._trips.append((now, self._drawn, len(self._flight)))
            self._bytes += frame.size
        if self.size is not None:
            self._flight.append(frame)

    def ack(self, seq: int, now: int) -> Sent | None:
        """That frame and all before it were drawn. Returns the newest of them, if any was in flight.

        seq counts modulo 2**32; what lies less than half of that behind is "before".
        """
        last, trip = None, None
        while self._flight and (seq - self._flight[0].seq) % _WHOLE < _HALF:
            last = self._flight.popleft()
            if self._trips is not None:
                trip = self._trips.popleft()
                self._bytes -= last.size
                self._drawn += last.size
        if trip is not None:
            self._measure(*trip, now)
        return last

    def _measure(self, began: int, drawn: int, ahead: int, now: int) -> None:
        self.began = began
        if began < self._resized:
            return
        alone = self.size is not None and ahead < self.size
        shortest = self.line.trip(now, began, self._drawn - drawn, alone=alone)
        if now - began > _QUEUED * shortest:
            self._spare = _SPARE
        self._draining = self.line.stale(now)
