"""What a library may never answer: asked on a thread that nobody has to wait for, neither who asks nor a process that
ends."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

from pi_stream.errors import SourceUnavailable

T = TypeVar("T")


def in_daemon_thread(ask: Callable[[], T]) -> Future[T]:
    """Call it now, on a daemon thread; asyncio's own threads are joined when a process ends."""
    answer: Future[T] = Future()
    threading.Thread(target=_answer, args=(ask, answer), name="question", daemon=True).start()
    return answer


class TimeLimitedCall(Generic[T]):
    """One that is never asked twice at once: who asks while it is open is given the same answer.

    `whom` is asked, by calling `ask`; `limit` is how many seconds the answer may take.
    """

    def __init__(self, whom: str, ask: Callable[[], T], limit: float) -> None:
        self._whom, self._ask, self._limit = whom, ask, limit
        self._lock = threading.Lock()
        self._answer: Future[T] | None = None
        self._since = 0.0  # on time.monotonic's clock

    @property
    def open(self) -> bool:
        """Whether an answer is due, or overdue."""
        return self._answer is not None and not self._answer.done()

    def answer(self) -> T:
        """Ask, or wait for the answer to the last question; blocks until the limit of that one at most.

        Raises what `ask` does, and SourceUnavailable where there is no answer in time.
        """
        with self._lock:
            if self._answer is None or self._answer.done():
                self._answer, self._since = in_daemon_thread(self._ask), time.monotonic()
            answer, left = self._answer, self._since + self._limit - time.monotonic()
        if not wait({answer}, timeout=max(0, left)).done:
            raise SourceUnavailable(f"{self._whom} gave no answer within {self._limit:g} s")
        return answer.result()


def _answer(ask: Callable[[], T], answer: Future[T]) -> None:
    if not answer.set_running_or_notify_cancel():
        return
    try:
        given = ask()
    except BaseException as error:  # not lost: it is the answer
        answer.set_exception(error)
    else:
        answer.set_result(given)
