"""Items one after the other: made a few ahead, on a thread of its own, so that what is slow now and then is not seen;
or made when they are taken, where that costs nothing."""

import threading
from collections import deque
from collections.abc import Generator
from typing import Generic, TypeVar

from pi_stream.errors import SourceUnavailable

T = TypeVar("T")


class Prefetch(Generic[T]):
    """Runs an endless generator on a thread, at most `depth` items ahead of who takes them.

    What the generator raises, `take` raises when its turn has come. The generator is closed on its own thread. It may
    yield None where it has no item but long work behind and before it, so that it can be interrupted there.
    """

    def __init__(self, items: Generator[T | None, None, None], depth: int) -> None:
        self._items = items
        self._depth = depth
        self._done: deque[T] = deque()
        self._failure: BaseException | None = None
        self._interrupted = False
        self._changed = threading.Condition()
        # A daemon, because a thread that hangs in a dead disk must not keep the process from ending; close joins it.
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
        """The item that `take` would give at once, if there is one."""
        with self._changed:
            return self._done[0] if self._done else None

    def interrupt(self) -> None:
        """From any thread: end `take` and the work, now."""
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
    """The same doors as Ahead's: an endless generator that runs when an item is taken, on the thread that takes it."""

    def __init__(self, items: Generator[T | None, None, None]) -> None:
        self._items = items
        self._next: T | None = None

    def take(self) -> T:
        """The next item. Raises what the generator does."""
        item, self._next = self.peek(), None
        return item

    def peek(self) -> T:
        """The item that `take` would give."""
        while self._next is None:
            self._next = next(self._items)
        return self._next

    def interrupt(self) -> None:
        """Nothing is going on that could be."""

    def close(self) -> None:
        """End the generator."""
        self._items.close()
