"""Counts events in spans of ten seconds, for rate limits. Rules without I/O; times in microseconds of one clock."""

from collections import OrderedDict

SPAN_US = 10_000_000
_MAX_KEYS = 1024  # the one that has been quiet for longest is removed


class RateCounter:
    """Counts events in spans of ten seconds; a span begins with its first event."""

    def __init__(self) -> None:
        self._began = -SPAN_US
        self._number = 0

    def count(self, now: int) -> int:
        """Count one event; returns its number within the span, from 1."""
        if now - self._began >= SPAN_US:
            self._began, self._number = now, 0
        self._number += 1
        return self._number

    def seconds_left(self, now: int) -> int:
        """Whole seconds until the span ends, at least 1."""
        return max(1, -(-(self._began + SPAN_US - now) // 1_000_000))


class RateCounters:
    """A counter for each key, such as a client's network."""

    def __init__(self) -> None:
        self._counters: OrderedDict[str, RateCounter] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counters)

    def counter(self, key: str) -> RateCounter:
        """The counter of a key."""
        counter = self._counters.setdefault(key, RateCounter())
        self._counters.move_to_end(key)
        if len(self._counters) > _MAX_KEYS:
            self._counters.popitem(last=False)
        return counter
