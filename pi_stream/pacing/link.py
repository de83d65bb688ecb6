"""The line to one viewer, as its acknowledgements show it: how long a trip takes and how much gets through. No I/O.

A trip is the time from handing a frame to the socket to hearing that it was drawn. What is known of the line is the
shortest trip (nothing queued) and the highest rate; their product is what the line itself holds while it is busy and
nothing waits in it. More than that on its way only makes pictures older. (Cardwell et al., "BBR: Congestion-Based
Congestion Control", 2016, measures the same two things for TCP; there it is packets, here it is pictures.)
"""

_FRESH = 10_000_000  # microseconds for which a shortest trip is believed without having been met again
_NEAR = 1.125  # times the shortest trip that still count as meeting it
_SPAN = 1_000_000  # microseconds; the highest rate is that of the present span and the one before it


class Link:
    """Times in microseconds of the server's clock, amounts in bytes."""

    def __init__(self) -> None:
        self.shortest: int | None = None
        self.rate = 0.0  # bytes a second, in the last trips
        self._met = 0  # when a trip was last as short as that
        self._highest = self._before = 0.0  # bytes a microsecond, the most: of this span, and of the one before
        self._span_began = 0

    @property
    def holds(self) -> float:
        """Bytes that are on their way while the line is busy and nothing waits in it; 0 before the first trip."""
        return max(self._highest, self._before) * (self.shortest or 0)

    def stale(self, now: int) -> bool:
        """Whether every trip was long for so long that the shortest one has to be measured anew.

        Either frames queue all the time, or the way became longer: only a line that is nearly empty tells.
        """
        return self.shortest is not None and now - self._met > _FRESH

    def trip(self, now: int, began: int, amount: int, *, alone: bool) -> int:
        """A trip from `began` to `now`, in which `amount` bytes came through, those of its own frame included.

        Returns the shortest trip that is known by now.

        `alone`: it had the line nearly to itself, so that it is believed when what was known is stale.
        """
        took = max(1, now - began)
        if self.shortest is None or took < self.shortest or (alone and self.stale(now)):
            self.shortest = took
        if took <= self.shortest * _NEAR:
            self._met = now
        if now - self._span_began > _SPAN:
            self._highest, self._before = 0.0, self._highest
            self._span_began = now
        rate = amount / took
        self.rate = (self.rate + rate * 1e6) / 2 if self.rate else rate * 1e6
        if rate > self._highest:
            self._highest = rate
        return self.shortest
