"""The watchdog: systemd ends a service from which it has heard nothing for WatchdogSec, and starts it again.

It is fed where something shows that the service does its work, never by a timer that would tick on over a camera that
hangs: by frames, and while there knowingly are none, by the picture that says why.
"""

import os
from collections.abc import Mapping

from pi_stream.lib import clock
from pi_stream.systemd.notify import Notify

_OFTEN = 32  # times in a period at most; rarer, and the last beat would be much older than the last frame


class Watchdog:
    """`alive` is called at each sign of life. `period` in microseconds; None: no watchdog, and nothing happens."""

    def __init__(self, notify: Notify, period: int | None = None) -> None:
        self._notify = notify
        self._given = self._period = period
        self._last: int | None = None

    @classmethod
    def from_environment(cls, notify: Notify, environment: Mapping[str, str] = os.environ) -> "Watchdog":
        """As sd_watchdog_enabled(3) has it: $WATCHDOG_USEC, unless $WATCHDOG_PID is somebody else."""
        period = environment.get("WATCHDOG_USEC", "")
        pid = environment.get("WATCHDOG_PID", "")
        ours = not pid or pid == str(os.getpid())
        return cls(notify, int(period) if ours and period.isdecimal() and int(period) > 0 else None)

    def alive(self) -> None:
        """Something was done that only a healthy service does. To be called on the event loop."""
        if self._period is None:
            return
        now = clock.now()
        if self._last is None or now - self._last >= self._period // _OFTEN:
            self._last = now
            self._notify.tell("WATCHDOG=1")

    def allow(self, seconds: float) -> None:
        """Let so much time pass without a sign of life, where that is more than the unit says.

        It is what settings may demand: a source that gives a frame a minute is healthy.
        """
        if self._given is None:
            return
        period = max(self._given, round(seconds * 1e6))
        if period != self._period:
            self._period = period
            self._notify.tell(f"WATCHDOG_USEC={period}")
