"""A line to a viewer, simulated in a time of its own: it queues, it is slow or far, and nobody has to wait for it."""

import heapq
import random
from collections.abc import Callable

from pi_stream.pacing.window import SentFrame, Window

Rate = Callable[[float], float]  # bytes a microsecond, at a time (microseconds)

_DRAW = 8_000  # microseconds that a browser takes to decode and draw
_ENCODED = 5_000  # microseconds that a frame is old when it is offered


def mbit(rate: float) -> Rate:
    """Always that many Mbit/s."""
    return lambda _: rate / 8


class Link:
    """Frames go in and queue, come out at `rate`, half a `trip` (microseconds) later they are drawn; acks go back.

    Up to `jitter` (microseconds) is added to each, in order all the same, as TCP does.
    """

    def __init__(self, rate: Rate, trip: int, jitter: int = 0) -> None:
        self.rate = rate
        self.jitter = jitter
        self.most_in_flight = 0
        self.missed = self.taken = 0
        self._trips = [(0.0, trip)]
        self._stalls: list[tuple[float, float]] = []
        self._drawn: list[tuple[float, float]] = []  # when, and the age
        self._random = random.Random(1)  # noqa: S311 - not for secrets
        self._free = self._last = 0.0

    def trip_at(self, second: float, trip: int) -> None:
        """From that second on, the trip is this long."""
        self._trips.append((second * 1e6, trip))

    def stall(self, begin: float, end: float) -> None:
        """Between these seconds nothing is drawn."""
        self._stalls.append((begin * 1e6, end * 1e6))

    def fps(self, begin: float, end: float) -> float:
        """Frames drawn a second, between these seconds."""
        return len(self._ages(begin, end)) / (end - begin)

    def age(self, begin: float, end: float, part: float) -> float:
        """The age in microseconds that this part (0 to 1) of the frames drawn between these seconds had at most."""
        ages = self._ages(begin, end)
        return ages[int(len(ages) * part)]

    def run(
        self,
        seconds: float,
        window: Window,
        *,
        size: Callable[[], float],
        fps: Callable[[], float],
        drawn: Callable[[int, SentFrame], None] = lambda _now, _sent: None,
    ) -> None:
        """Offer frames of `size()` bytes, `fps()` a second; one waits, the newest. `drawn` is told of each ack."""
        events: list[tuple[float, int, bool]] = [(0.0, 0, True)]
        waiting: tuple[int, float] | None = None
        while events:
            now, seq, comes = heapq.heappop(events)
            if now > seconds * 1e6:
                return
            if comes:
                heapq.heappush(events, (now + 1e6 / fps(), seq + 1, True))
                self.missed += waiting is not None
                waiting = (seq, now - _ENCODED)
            elif (sent := window.ack(seq, int(now))) is not None:
                drawn(int(now), sent)
            if waiting is not None and window.open:
                seq, captured = waiting
                waiting = None
                self.taken += 1
                amount = int(size() * self._random.uniform(0.9, 1.1))
                window.sent(SentFrame(seq, int(captured), amount), int(now))
                self.most_in_flight = max(self.most_in_flight, window.in_flight)
                heapq.heappush(events, (self._through(now, captured, amount), seq, False))

    def _through(self, now: float, captured: float, amount: int) -> float:
        """When the ack of what is sent now comes back."""
        start = max(now, self._free)
        self._free = start + amount / self.rate(start)
        half = next(trip for since, trip in reversed(self._trips) if since <= now) / 2
        at = max(self._last, self._free + half + self._random.random() * self.jitter) + _DRAW
        for begin, end in self._stalls:
            if begin <= at < end:
                at = end
        self._last = at - _DRAW
        self._drawn.append((at, at - captured))
        return at + half

    def _ages(self, begin: float, end: float) -> list[float]:
        return sorted(age for at, age in self._drawn if begin * 1e6 <= at < end * 1e6)
