"""One pool of threads, shared fairly: whoever has given it much work waits, and the others do not wait for that."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_Call = tuple[Future[Any], Callable[[], Any]]


class FairExecutor:
    """`threads` threads; each `share` is an executor, and the shares that have work take turns.

    A context manager: leaving it waits for the calls that run, and cancels those that wait. Any thread may submit.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._turns: deque[_Share] = deque()  # the shares that have calls waiting, the next one first

    def share(self) -> Executor:
        """One more share."""
        return _Share(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._lock:
            waiting = [future for share in self._turns for future, _ in share.calls]
        for future in waiting:
            future.cancel()
        self._pool.shutdown()

    def add(self, share: "_Share", call: _Call) -> None:
        """Let a share's call wait for its turn. Raises RuntimeError once the pool was left."""
        with self._lock:
            if not share.calls:
                self._turns.append(share)
            share.calls.append(call)
        self._pool.submit(self._run_next)

    def _run_next(self) -> None:
        """Run the call whose turn it is: there is one for each call of this method."""
        with self._lock:
            share = self._turns.popleft()
            future, call = share.calls.popleft()
            if share.calls:
                self._turns.append(share)
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = call()
        except BaseException as error:  # not lost: whoever waits for the future raises it
            future.set_exception(error)
        else:
            future.set_result(result)
        del future, call  # what they hold is large, and this thread may wait long for the next


class _Share(Executor):
    """The calls of one part of the service that wait, in their order."""

    def __init__(self, pool: FairExecutor) -> None:
        self._fair = pool
        self.calls: deque[_Call] = deque()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """See concurrent.futures.Executor."""
        future: Future[T] = Future()
        self._fair.add(self, (future, lambda: fn(*args, **kwargs)))
        return future
