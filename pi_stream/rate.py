"""How often something happens."""

from collections import deque

_SPAN = 2_000_000  # microseconds that are looked at
_MOST = 1000  # moments that are remembered


class Rate:
    """Counts moments (microseconds of the server's clock) and what they carried, over the last two seconds.

    Of a beat that is slower than that, the last two moments count.
    """

    def __init__(self) -> None:
        self._moments: deque[tuple[int, int]] = deque(maxlen=_MOST)

    def tick(self, now: int, amount: int = 1) -> None:
        """Note one more, which carried `amount`."""
        self._moments.append((now, amount))
        self._forget(now)

    def per_second(self, now: int) -> float:
        """Moments a second: the intervals between those remembered, so that one alone is no rate."""
        self._forget(now)
        if len(self._moments) < 2:
            return 0.0
        first, last = self._moments[0][0], self._moments[-1][0]
        # An interval that is not over counts once it is longer than the mean: a rate falls when nothing comes.
        mean = (last - first) / (len(self._moments) - 1)
        span = last - first + max(0.0, now - last - mean)
        return (len(self._moments) - 1) * 1e6 / span if span else 0.0

    def amount_per_second(self, now: int) -> float:
        """What was carried, a second."""
        self._forget(now)
        return sum(amount for at, amount in self._moments if now - at <= _SPAN) * 1e6 / _SPAN

    def _forget(self, now: int) -> None:
        moments = self._moments
        while len(moments) > 2 and now - moments[0][0] > _SPAN:
            moments.popleft()
        # A beat may be slower than that: it is over when twice its interval has passed.
        if len(moments) == 2 and now - moments[1][0] > max(_SPAN, 2 * (moments[1][0] - moments[0][0])):
            moments.clear()
