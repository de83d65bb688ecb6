"""Waiting until a frame is due: by absolute time, so that no drift adds up, and interruptible at once."""

import threading
from collections.abc import Callable
from contextlib import suppress

from pi_stream.errors import SourceUnavailable
from pi_stream.lib import clock


class FrameTimer:
    """A clock and a way to wait on it.

    `now` gives microseconds: `clock.now`, or a test's own clock. `wait` waits for a number of seconds and returns
    whether it was interrupted.
    """

    def __init__(self, now: Callable[[], int] = clock.now, wait: Callable[[float], bool] | None = None) -> None:
        self.now = now
        # A lock that `interrupt` releases, and not a threading.Event, which needs a dozen calls for each wait.
        self._gate = threading.Lock()
        self._gate.acquire()
        self._interrupted = False
        self._wait = wait if wait is not None else self._wait_at_gate

    def until(self, due: int) -> None:
        """Block until `now` is `due` (microseconds), if that is not past. Raises SourceUnavailable if interrupted."""
        self.check()
        while (left := due - self.now()) > 0:
            if self._wait(left / 1e6):
                break
        self.check()

    def check(self) -> None:
        """Raise SourceUnavailable if interrupted."""
        if self._interrupted:
            raise SourceUnavailable("the source is being closed")

    def interrupt(self) -> None:
        """From any thread: end this wait, and every later one."""
        self._interrupted = True
        with suppress(RuntimeError):  # it is open already
            self._gate.release()

    def _wait_at_gate(self, seconds: float) -> bool:
        return self._gate.acquire(timeout=min(seconds, threading.TIMEOUT_MAX))
