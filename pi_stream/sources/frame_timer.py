"""Waiting until something is due: by absolute time, so that no drift adds up, and ending at once when told to."""

import threading
from collections.abc import Callable
from contextlib import suppress

from pi_stream.errors import SourceUnavailable
from pi_stream.lib import clock


class FrameTimer:
    """A clock and a way to wait on it.

    `now` gives microseconds (`clock.now`, unless a test brings its own); `wait` waits for a number of seconds and says
    whether it was interrupted.
    """

    def __init__(self, now: Callable[[], int] = clock.now, wait: Callable[[float], bool] | None = None) -> None:
        self.now = now
        # A lock, that whoever interrupts lets go of, and no event: that would be a dozen calls for every frame.
        self._gate = threading.Lock()
        self._gate.acquire()
        self._interrupted = False
        self._wait = wait if wait is not None else self._wait_at_gate

    def until(self, due: int) -> None:
        """Block until `now` is `due` (microseconds), if that is not past. Raises SourceUnavailable once interrupted."""
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
        """From any thread: end the waiting, for good."""
        self._interrupted = True
        with suppress(RuntimeError):  # it is open already
            self._gate.release()

    def _wait_at_gate(self, seconds: float) -> bool:
        return self._gate.acquire(timeout=min(seconds, threading.TIMEOUT_MAX))
