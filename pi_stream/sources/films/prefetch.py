"""Items of a generator: made a few ahead on a thread, so that an item that is slow now and then delays nothing; or made
when they are taken, if that costs nothing."""

import threading
from collections import deque
from collections.abc import Generator
from typing import Generic, TypeVar

from pi_stream.errors import SourceUnavailable

T = TypeVar("T")


class Prefetch(Generic[T]):
    """Runs an endless generator on a thread, at most `depth` items ahead of `take`.

    What the generator raises, `take` raises after the items before it. The generator is closed on its own thread. It
    may yield None during long work, so that it can be interrupted there.
    """

    def __init__(self, items: Generator[T | None, None, None], depth: int) -> None:
        self._items = items
        self._depth = depth
        self._done: deque[T] = deque()
        self._failure: BaseException | None = None
        self._interrupted = False
        self._changed = threading.Condition()
        # A daemon, because a thread that hangs in a dead disk must not keep the process from ending; `close` joins it.
        self._thread = threading.Thread(target=self._run, name="ahead", daemon=True)
        self._thread.start()

    def take(self) -> T:
        """Block until the next item. Raises SourceUnavailable once interrupted."""
        with self._changed:
            self._changed.wait_for(lambda: self._done or self._failure or self._interrupted)
            if self._interrupted:
                raise SourceUnavailable("the source is being closed")
            if not self._done:
                assert self._failure is not None  # noqa: S101 - for the type checker; it is what we waited for
                raise self._failure
            item = self._done.popleft()
            self._changed.notify_all()
            return item

    def peek(self) -> T | None:
        """The item that `take` would return at once, if there is one."""
        with self._changed:
            return self._done[0] if self._done else None

    def interrupt(self) -> None:
        """From any thread: end `take` and the work at once."""
        with self._changed:
            self._interrupted = True
            self._changed.notify_all()

    def close(self) -> None:
        """End the work and wait for its thread."""
        self.interrupt()
        self._thread.join()
        self._done.clear()

    def _run(self) -> None:
        try:
            for item in self._items:
                with self._changed:
                    if item is not None:
                        self._done.append(item)
                        self._changed.notify_all()
                    self._changed.wait_for(lambda: len(self._done) < self._depth or self._interrupted)
                    if self._interrupted:
                        return
        except BaseException as failure:  # not lost: take raises it on the thread that reads
            with self._changed:
                self._failure = failure
                self._changed.notify_all()
        finally:
            self._items.close()


class OnDemand(Generic[T]):
    """The interface of Prefetch for an endless generator that runs in `take` and `peek`, on their thread."""

    def __init__(self, items: Generator[T | None, None, None]) -> None:
        self._items = items
        self._next: T | None = None

    def take(self) -> T:
        """The next item. Raises what the generator does."""
        item, self._next = self.peek(), None
        return item

    def peek(self) -> T:
        """The item that `take` would return."""
        while self._next is None:
            self._next = next(self._items)
        return self._next

    def interrupt(self) -> None:
        """There is no work to interrupt."""

    def close(self) -> None:
        """End the generator."""
        self._items.close()
