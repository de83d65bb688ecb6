"""The window: how many frames may be in flight to a viewer, which bounds the age of pictures. Rules without I/O.

Dropping old frames in the service does not bound latency by itself, because the buffers of the kernel and of the viewer
hold frames, too. So a viewer acknowledges the frames that it has drawn, and only a few frames may be unacknowledged: a
fixed number, or, if the viewer leaves it to the service, as many as its link carries without queueing. So a distant
viewer on a fast link gets every frame, and a near viewer on a slow link gets no old ones.
"""

from collections import deque
from typing import NamedTuple

from pi_stream.pacing.link import Link

DEFAULT_FRAMES = 2  # in flight: one is drawn while the next is on its way
_MAX_FRAMES = 64  # as in docs/protocol.md; two seconds of 30 fps
_CRUISE_FACTOR = 1.25  # times the link's capacity: enough to notice that it has grown
_SEARCH_FACTOR = 2.0  # the same until the link first queues: the estimate doubles with every trip
_QUEUED_FACTOR = 1.5  # times the shortest trip: a longer trip waited in a queue

_SEQ_HALF = 1 << 31
_SEQ_COUNT = 1 << 32


class SentFrame(NamedTuple):
    """A frame that was sent: seq, time of capture (microseconds), size in bytes. Shared by all viewers."""

    seq: int
    captured: int
    size: int


# A frame's trip to one viewer: when it began (microseconds), how many bytes the viewer had acknowledged by then, and
# how many frames were in flight. A plain tuple, because there is one for every frame of every viewer.
_Trip = tuple[int, int, int]


class Window:
    """The frames in flight to one viewer.

    `size` is the number of frames that may be in flight; None: the viewer sends no acknowledgements, and the window is
    always open. `follows`: `size` is the minimum, and more may be in flight if the link's capacity allows it.
    `measured`: measure the link also if `follows` is false.

    This runs for every frame of every viewer, with cold caches, because other viewers come between. So it stores no
    more than it needs. For one thread; times in microseconds of the server's clock.
    """

    def __init__(self, size: int | None = None, *, follows: bool = False, measured: bool = False) -> None:
        self.size = size
        self.link = Link()
        self._follows = follows
        self._flight: deque[SentFrame] = deque()
        # If it is measured: the trips of the frames in flight, their bytes, and the bytes drawn since the start.
        self._trips: deque[_Trip] | None = deque() if size is not None and (follows or measured) else None
        self._bytes = self._drawn = 0
        self._factor = _SEARCH_FACTOR
        self._draining = False
        self._resized = 0  # when frames last became smaller; trips that began before are ignored
        self.last_trip_began = 0  # if it is measured: when the last completed trip began

    @property
    def open(self) -> bool:
        """Whether another frame may be sent."""
        frames = len(self._flight)
        if self.size is None or frames < self.size:
            return True
        if not self._follows or frames >= _MAX_FRAMES or self._draining:
            return False
        return self._bytes < self._factor * self.link.capacity

    @property
    def in_flight(self) -> int:
        """The number of frames that were sent and not acknowledged."""
        return len(self._flight)

    def resize(self, now: int, *, smaller: bool) -> None:
        """Frames of another size follow: search again how many of them the link carries.

        Smaller frames take shorter trips, so trips of larger frames say nothing about them: the link is measured anew.
        """
        self._factor = _SEARCH_FACTOR
        if smaller:
            self.link = Link()
            self._resized = now

    def sent(self, frame: SentFrame, now: int) -> None:
        """Record a frame that was handed to the socket at `now`."""
        if self._trips is not None:
            self._trips.append((now, self._drawn, len(self._flight)))
            self._bytes += frame.size
        if self.size is not None:
            self._flight.append(frame)

    def ack(self, seq: int, now: int) -> SentFrame | None:
        """Record that this frame and all before it were drawn. Returns the newest of them that was in flight, or None.

        seq counts modulo 2**32; a frame is "before" if it is less than half of that behind.
        """
        last, trip = None, None
        while self._flight and (seq - self._flight[0].seq) % _SEQ_COUNT < _SEQ_HALF:
            last = self._flight.popleft()
            if self._trips is not None:
                trip = self._trips.popleft()
                self._bytes -= last.size
                self._drawn += last.size
        if trip is not None:
            self._measure(*trip, now)
        return last

    def _measure(self, began: int, drawn: int, ahead: int, now: int) -> None:
        self.last_trip_began = began
        if began < self._resized:
            return
        alone = self.size is not None and ahead < self.size
        shortest = self.link.add_trip(now, began, self._drawn - drawn, alone=alone)
        if now - began > _QUEUED_FACTOR * shortest:
            self._factor = _CRUISE_FACTOR
        self._draining = self.link.stale(now)
