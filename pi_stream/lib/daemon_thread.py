"""Calls that may never return, into a library or a driver: on daemon threads, with a time limit."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Generic, TypeVar

from pi_stream.errors import SourceUnavailable

T = TypeVar("T")


def in_daemon_thread(call: Callable[[], T]) -> Future[T]:
    """Start a call on a new daemon thread, and return its future. Any thread may call it.

    asyncio's own threads will not do: a process that ends waits for them.
    """
    result: Future[T] = Future()
    threading.Thread(target=_run, args=(call, result), name="time-limited call", daemon=True).start()
    return result


class TimeLimitedCall(Generic[T]):
    """A call that runs at most once at a time: requests while it is pending share its result.

    `name` is what is called, for the error message; `call` may take `timeout_s` seconds. Any thread may use it.
    """

    def __init__(self, name: str, call: Callable[[], T], timeout_s: float) -> None:
        self._name, self._call, self._timeout_s = name, call, timeout_s
        self._lock = threading.Lock()
        self._result: Future[T] | None = None
        self._started = 0.0  # on time.monotonic's clock

    @property
    def pending(self) -> bool:
        """Whether the last call has not returned yet."""
        return self._result is not None and not self._result.done()

    def result(self) -> T:
        """Start the call, or join the pending one, and return its result. Blocks, at most until its time limit.

        Raises what the call raises, and SourceUnavailable if it does not return in time.
        """
        with self._lock:
            if self._result is None or self._result.done():
                self._result, self._started = in_daemon_thread(self._call), time.monotonic()
            result, left = self._result, self._started + self._timeout_s - time.monotonic()
        if not wait({result}, timeout=max(0, left)).done:
            raise SourceUnavailable(f"{self._name} gave no answer within {self._timeout_s:g} s")
        return result.result()


def _run(call: Callable[[], T], result: Future[T]) -> None:
    if not result.set_running_or_notify_cancel():
        return
    try:
        value = call()
    except BaseException as error:  # `result` raises it in the caller
        result.set_exception(error)
    else:
        result.set_result(value)
