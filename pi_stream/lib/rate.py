"""Rates of events."""

from collections import deque

_SPAN_US = 2_000_000  # the rate is that of this time, or of one interval if that is longer
_MARK_INTERVAL_US = 250_000  # at least; the span may be longer by this much


class Rate:
    """The rate of events, and of an amount that they carry, over the last two seconds.

    Times are in microseconds of the server's clock. If events are more than two seconds apart, the last two count.
    There is an event for every frame of every viewer, so only some are recorded, with the totals until then.
    """

    __slots__ = ("_amount", "_count", "_last", "_mark_due", "_marks")

    def __init__(self) -> None:
        self._count = self._amount = self._last = self._mark_due = 0
        self._marks: deque[tuple[int, int, int]] = deque(
            maxlen=_SPAN_US // _MARK_INTERVAL_US + 2
        )  # time, count, amount

    def tick(self, now: int, amount: int = 1) -> None:
        """Count one event, which carries `amount`."""
        self._count += 1
        self._amount += amount
        self._last = now
        if now >= self._mark_due:
            self._marks.append((now, self._count, self._amount))
            self._mark_due = now + _MARK_INTERVAL_US

    def per_second(self, now: int) -> float:
        """Events per second: the intervals of the last two seconds, so that one event alone is no rate."""
        first, intervals, _ = self._since(now)
        if not intervals:
            return 0.0
        # The present interval counts once it is longer than the mean, so that the rate falls if no event comes.
        span = self._last - first + max(0.0, now - self._last - (self._last - first) / intervals)
        return intervals * 1e6 / span if span else 0.0

    def amount_per_second(self, now: int) -> float:
        """The amount per second."""
        first, intervals, amount = self._since(now)
        return amount * 1e6 / (now - first) if intervals and now > first else 0.0

    def _since(self, now: int) -> tuple[int, int, int]:
        """The beginning of the time that counts, and the number of events and the amount since then."""
        marks = self._marks
        while len(marks) > 1 and now - marks[0][0] > _SPAN_US + _MARK_INTERVAL_US and marks[1][1] < self._count:
            marks.popleft()  # at least one interval is left
        if not marks:
            return 0, 0, 0
        first, count, amount = marks[0]
        intervals = self._count - count
        # Events may be further apart than the span: the rate is 0 after twice their interval.
        if now - self._last > _SPAN_US and (now - self._last) * intervals > 2 * (self._last - first):
            marks.clear()
            self._mark_due = 0
            return 0, 0, 0
        return first, intervals, self._amount - amount
