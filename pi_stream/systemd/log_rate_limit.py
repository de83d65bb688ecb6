"""One line a minute for what goes wrong again and again: a camera that flaps all night fills no card."""

import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable

from pi_stream.lib import clock

_PERIOD = 60_000_000  # microseconds in which one line of a kind passes
_KINDS = 200  # that are remembered; the one that has been quiet for longest is forgotten
_GROUPS = "[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6}"
_NUMBER = re.compile(rf"(?:{_GROUPS})?::(?:{_GROUPS})?|(?:[0-9a-f]{{1,4}}:){{7}}[0-9a-f]{{1,4}}|\d+")  # or IPv6 address


class LogRateLimit(logging.Filter):
    """Lets one line of a kind pass in a minute, and says in the next one how many were held back.

    Lines are of a kind that differ in numbers only. A count that no later line of the kind tells stays untold.
    `now` gives microseconds.
    """

    def __init__(self, now: Callable[[], int] = clock.now) -> None:
        super().__init__()
        self._now = now
        self._lock = threading.Lock()  # sources log on threads of their own
        self._kinds: OrderedDict[tuple[str, int, str], list[int]] = OrderedDict()  # when one passed, and held since

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging."""
        try:
            message = record.getMessage()
        except Exception:  # its arguments do not fit; the handler tells on stderr whose line it is, and goes on
            return True
        kind = (record.name, record.levelno, _NUMBER.sub("#", message))
        now = self._now()
        with self._lock:
            passed = self._kinds.setdefault(kind, [now - _PERIOD, 0])
            self._kinds.move_to_end(kind)
            if len(self._kinds) > _KINDS:
                self._kinds.popitem(last=False)
            if now - passed[0] < _PERIOD:
                passed[1] += 1
                return False
            held = passed[1]
            passed[:] = [now, 0]
        if held:
            record.msg, record.args = f"{message} (… {held} more like it)", ()
        return True
