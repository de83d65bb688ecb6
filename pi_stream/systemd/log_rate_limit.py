"""One line a minute for repeated messages, so that a camera that fails all night does not fill the card."""

import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable

from pi_stream.lib import clock

_PERIOD_US = 60_000_000  # in which one line of a kind passes
_MAX_KINDS = 200  # the one that has been quiet for longest is removed
_GROUPS = "[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6}"
_NUMBER = re.compile(rf"(?:{_GROUPS})?::(?:{_GROUPS})?|(?:[0-9a-f]{{1,4}}:){{7}}[0-9a-f]{{1,4}}|\d+")  # or IPv6 address


class LogRateLimit(logging.Filter):
    """Passes one line of a kind in a minute; the next line says how many were suppressed.

    Lines that differ only in numbers and IPv6 addresses are of one kind. If no further line of the kind comes, the
    number of suppressed lines is not reported. `now` returns microseconds. Any thread may log.
    """

    def __init__(self, now: Callable[[], int] = clock.now) -> None:
        super().__init__()
        self._now = now
        self._lock = threading.Lock()  # sources log from threads
        self._kinds: OrderedDict[tuple[str, int, str], list[int]] = (
            OrderedDict()
        )  # time of the last that passed, and number suppressed since

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging."""
        try:
            message = record.getMessage()
        except Exception:  # its arguments do not fit; the handler reports the line on stderr
            return True
        kind = (record.name, record.levelno, _NUMBER.sub("#", message))
        now = self._now()
        with self._lock:
            passed = self._kinds.setdefault(kind, [now - _PERIOD_US, 0])
            self._kinds.move_to_end(kind)
            if len(self._kinds) > _MAX_KINDS:
                self._kinds.popitem(last=False)
            if now - passed[0] < _PERIOD_US:
                passed[1] += 1
                return False
            suppressed = passed[1]
            passed[:] = [now, 0]
        if suppressed:
            record.msg, record.args = f"{message} (… {suppressed} more like it)", ()
        return True
