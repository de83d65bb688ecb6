"""Waiting until something is due: by absolute time, so that no drift adds up, and ending at once when told to."""

import threading
from collections.abc import Callable

from pi_stream import clock
from pi_stream.errors import SourceUnavailable


class Pace:
    """A clock and a way to wait on it.

    `now` gives microseconds (`clock.now`, unless a test brings its own); `wait` waits for a number of seconds and says
    whether it was interrupted.
    """

    def __init__(self, now: Callable[[], int] = clock.now, wait: Callable[[float], bool] | None = None) -> None:
        self.now = now
        self._interrupted = threading.Event()
        self._wait = wait if wait is not None else self._interrupted.wait

    def until(self, due: int) -> None:
        """Block until `now` is `due` (microseconds), if that is not past. Raises SourceUnavailable once interrupted."""
        self.check()
        while (left := due - self.now()) > 0:
            if self._wait(left / 1e6):
                break
        self.check()

    def check(self) -> None:
        """Raise SourceUnavailable if interrupted."""
        if self._interrupted.is_set():
            raise SourceUnavailable("the source is being closed")

    def interrupt(self) -> None:
        """From any thread: end the waiting, for good."""
        self._interrupted.set()
