"""The watchdog: systemd kills and restarts a service that has sent no notification for WatchdogSec.

Notifications are sent when the service does its work, never by a timer, which would go on while a camera hangs: at each
frame, and, while the source is known to be offline, at each offline picture.
"""

import os
from collections.abc import Mapping

from pi_stream.lib import clock
from pi_stream.systemd.notify import Notify

_MAX_BEATS_PER_PERIOD = 32  # with fewer, the last beat could be much older than the last frame


class Watchdog:
    """`alive` is called at each sign of life. `period` in microseconds; None: there is no watchdog."""

    def __init__(self, notify: Notify, period: int | None = None) -> None:
        self._notify = notify
        self._unit_period = self._period = period
        self._last: int | None = None

    @classmethod
    def from_environment(cls, notify: Notify, environment: Mapping[str, str] = os.environ) -> "Watchdog":
        """Read $WATCHDOG_USEC, unless $WATCHDOG_PID is another process: sd_watchdog_enabled(3)."""
        period = environment.get("WATCHDOG_USEC", "")
        pid = environment.get("WATCHDOG_PID", "")
        ours = not pid or pid == str(os.getpid())
        return cls(notify, int(period) if ours and period.isdecimal() and int(period) > 0 else None)

    def alive(self) -> None:
        """Notify systemd that the service works. Call it on the event loop."""
        if self._period is None:
            return
        now = clock.now()
        if self._last is None or now - self._last >= self._period // _MAX_BEATS_PER_PERIOD:
            self._last = now
            self._notify.tell("WATCHDOG=1")

    def allow(self, seconds: float) -> None:
        """Allow this time without a sign of life, if it is longer than the unit's WatchdogSec.

        The settings may need it: a source with one frame a minute is healthy.
        """
        if self._unit_period is None:
            return
        period = max(self._unit_period, round(seconds * 1e6))
        if period != self._period:
            self._period = period
            self._notify.tell(f"WATCHDOG_USEC={period}")
