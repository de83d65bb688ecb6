"""How often something happens."""

from collections import deque

_SPAN = 2_000_000  # microseconds that are looked at, or one interval where that is longer
_STEP = 250_000  # microseconds from one mark to the next, at least; by so much the span may be longer


class Rate:
    """Counts moments (microseconds of the server's clock) and what they carried, over the last two seconds.

    Of a beat that is slower than that, the last two moments count. There is one moment for every frame of every viewer,
    so only some are marked, with what had come until then.
    """

    __slots__ = ("_amount", "_count", "_last", "_mark_due", "_marks")

    def __init__(self) -> None:
        self._count = self._amount = self._last = self._mark_due = 0
        self._marks: deque[tuple[int, int, int]] = deque(maxlen=_SPAN // _STEP + 2)  # moment, count, amount

    def tick(self, now: int, amount: int = 1) -> None:
        """Note one more, which carried `amount`."""
        self._count += 1
        self._amount += amount
        self._last = now
        if now >= self._mark_due:
            self._marks.append((now, self._count, self._amount))
            self._mark_due = now + _STEP

    def per_second(self, now: int) -> float:
        """Moments a second: the intervals since one of two seconds ago, so that one alone is no rate."""
        first, intervals, _ = self._since(now)
        if not intervals:
            return 0.0
        # An interval that is not over counts once it is longer than the mean: a rate falls when nothing comes.
        span = self._last - first + max(0.0, now - self._last - (self._last - first) / intervals)
        return intervals * 1e6 / span if span else 0.0

    def amount_per_second(self, now: int) -> float:
        """What was carried, a second."""
        first, intervals, amount = self._since(now)
        return amount * 1e6 / (now - first) if intervals and now > first else 0.0

    def _since(self, now: int) -> tuple[int, int, int]:
        """Where the span that counts begins, and the moments and the amount after that."""
        marks = self._marks
        while len(marks) > 1 and now - marks[0][0] > _SPAN + _STEP and marks[1][1] < self._count:
            marks.popleft()  # there is an interval after the next
        if not marks:
            return 0, 0, 0
        first, count, amount = marks[0]
        intervals = self._count - count
        # A beat may be slower than the span: it is over when twice its interval has passed.
        if now - self._last > _SPAN and (now - self._last) * intervals > 2 * (self._last - first):
            marks.clear()
            self._mark_due = 0
            return 0, 0, 0
        return first, intervals, self._amount - amount
