"""An estimate of the link to one viewer, from its acknowledgements: trip time and throughput. Rules without I/O.

A trip is the time from handing a frame to the socket to the acknowledgement that it was drawn. The link is described
by the shortest trip (nothing queued) and the highest throughput. Their product is the link's capacity, the
bandwidth-delay product: what is on its way while the link is busy and nothing queues. More bytes in flight than that
only make pictures older. (Cardwell et al., "BBR: Congestion-Based Congestion Control", 2016, measures the same two
values for TCP, with packets instead of pictures.)
"""

_MAX_TRIP_AGE_US = 10_000_000  # a shortest trip is used for this long after it was last met
_NEAR_FACTOR = 1.125  # times the shortest trip: a trip up to this counts as meeting it
_SPAN_US = 1_000_000  # the highest throughput is that of the present span and the one before it


class Link:
    """The estimate. Times in microseconds of the server's clock, amounts in bytes."""

    def __init__(self) -> None:
        self.shortest: int | None = None
        self.rate = 0.0  # bytes a second, in the last trips
        self._met = 0  # when a trip was last as short as the shortest
        self._highest = self._before = 0.0  # highest bytes a microsecond: of this span, and of the one before
        self._span_began = 0

    @property
    def capacity(self) -> float:
        """Bytes in flight while the link is busy and nothing queues; 0 before the first trip."""
        return max(self._highest, self._before) * (self.shortest or 0)

    def stale(self, now: int) -> bool:
        """Whether the shortest trip was not met for ten seconds, so that it must be measured again.

        Either frames queue all the time, or the link has changed: only a trip on a nearly empty link shows which.
        """
        return self.shortest is not None and now - self._met > _MAX_TRIP_AGE_US

    def add_trip(self, now: int, began: int, amount: int, *, alone: bool) -> int:
        """Record a trip from `began` to `now`, in which `amount` bytes arrived, including those of its own frame.

        `alone`: the link was nearly empty, so the trip replaces a shortest trip that is stale. Returns the shortest
        trip.
        """
        took = max(1, now - began)
        if self.shortest is None or took < self.shortest or (alone and self.stale(now)):
            self.shortest = took
        if took <= self.shortest * _NEAR_FACTOR:
            self._met = now
        if now - self._span_began > _SPAN_US:
            self._highest, self._before = 0.0, self._highest
            self._span_began = now
        rate = amount / took
        self.rate = (self.rate + rate * 1e6) / 2 if self.rate else rate * 1e6
        if rate > self._highest:
            self._highest = rate
        return self.shortest
