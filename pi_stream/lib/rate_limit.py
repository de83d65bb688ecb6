"""How often somebody did something in ten seconds. Rules without I/O; times in microseconds of one clock."""

from collections import OrderedDict

SPAN_US = 10_000_000
_MOST = 1024  # that are told apart; the one that has been quiet for longest is forgotten


class RateCounter:
    """Counts in spans of ten seconds, each of which begins with what is counted first."""

    def __init__(self) -> None:
        self._began = -SPAN_US
        self._number = 0

    def count(self, now: int) -> int:
        """One more: which of its span it is, from 1."""
        if now - self._began >= SPAN_US:
            self._began, self._number = now, 0
        self._number += 1
        return self._number

    def left(self, now: int) -> int:
        """Whole seconds until the next span, at least 1."""
        return max(1, -(-(self._began + SPAN_US - now) // 1_000_000))


class RateCounters:
    """One tally for each of those who do it."""

    def __init__(self) -> None:
        self._tallies: OrderedDict[str, RateCounter] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tallies)

    def of(self, who: str) -> RateCounter:
        """Theirs."""
        tally = self._tallies.setdefault(who, RateCounter())
        self._tallies.move_to_end(who)
        if len(self._tallies) > _MOST:
            self._tallies.popitem(last=False)
        return tally
