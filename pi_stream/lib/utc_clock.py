"""UTC for moments of the monotonic clock, as soon as the machine's clock is known to be set.

A Pi without a battery-backed clock starts in the past, until the network tells it the time.
"""

import time
from collections.abc import Callable
from pathlib import Path

from pi_stream.lib import clock

EARLIEST_TIME_S = 1_767_225_600  # seconds since 1970: the beginning of 2026; a clock that shows less is not set
# systemd-timesyncd makes this file when it has set the clock. adjtimex would tell, too, but the service's sandbox ends
# a program that calls it.
_TIMESYNC = "run/systemd/timesync"  # a folder while it runs
_LOOK_PERIOD_US = 1_000_000  # between two looks for that file


def clock_is_set(root: Path = Path("/"), now_s: float | None = None) -> bool | None:
    """Whether the machine's clock was set from the network; None if files do not tell.

    `root` is put before every path; `now_s` is the time that the clock shows, in seconds since 1970.
    """
    if (time.time() if now_s is None else now_s) < EARLIEST_TIME_S:
        return False
    folder = root / _TIMESYNC
    if (folder / "synchronized").exists():
        return True
    return False if folder.exists() else None


class UtcClock:
    """Converts moments of `clock.now` to UTC. Any thread may ask.

    Until the clock is known to be set, it looks for that once a second; afterwards it is taken to stay set. The offset
    between the two clocks is read each time, so that a step of the calendar's clock shows at once.
    """

    def __init__(
        self,
        *,
        is_set: Callable[[], bool | None] = clock_is_set,
        now: Callable[[], int] = clock.now,
        utc_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """`now` is the monotonic clock in microseconds, `utc_ns` the calendar's in nanoseconds since 1970."""
        self._is_set, self._now, self._utc_ns = is_set, now, utc_ns
        self._set = False
        self._next_look = 0  # on `now`'s clock

    def of(self, moment: int) -> int | None:
        """Microseconds since 1970 at `moment` (microseconds of the monotonic clock); None until the clock is set."""
        now = self._now()
        if not self._set:
            if now < self._next_look:
                return None
            self._next_look = now + _LOOK_PERIOD_US
            if self._is_set() is not True:
                return None
            self._set = True
        return moment + self._utc_ns() // 1000 - now
