"""A source on a thread of its own, and its newest frame for the task that awaits it."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from pi_stream.errors import Refused, SourceStuck, SourceUnavailable
from pi_stream.lib import clock
from pi_stream.lib.handover import Handover, call_in_loop
from pi_stream.lib.rate import Rate
from pi_stream.lib.slot import Slot
from pi_stream.media.frame import Frame
from pi_stream.media.source_state import SourceInfo
from pi_stream.sources.source import Source

log = logging.getLogger(__name__)

_UNWANTED_FRAME_PERIOD_US = 500_000  # between two frames that are handed on although no one wants them
_STALLED_CLOSE_TIMEOUT_S = 2.0  # a source that stalled will hardly close later, and viewers wait
_CANCELLED_OPEN_TIMEOUT_S = 2.0  # for a source that is still opening when the process ends
_STALL_GRACE_S = 0.5  # a source that notices by itself that no frames come says why: it knows more


class CaptureThread:
    """Owns the thread that opens, reads and closes one source; an async context manager.

    Called on that thread:
    - `opener` opens the source; it may block.
    - `utc_of` gives the UTC of a frame's `captured`, see `UtcClock.of`.
    - `finish` gets every frame before anything else does: this thread is awake, and the frame is in its core's cache.
      It returns whether the frame is still wanted. Of frames that are not, only two per second are handed on, as a
      sign of life.
    - `watched` says whether there is any viewer. While it says no, the source skips the other frames.

    `controls` are set before the first frame. One that is refused, because it was meant for another camera, is logged.

    Entering waits for the opening, at most `opening` seconds, and raises what it raises, usually SourceUnavailable.
    Leaving waits at most `closing` seconds, or 2 for a source that had failed or stalled, then raises SourceStuck: only
    a new process can free what hangs in a library. An opening cannot be broken off: one that takes longer than
    `opening` and `closing` together raises SourceStuck, too. If the task is cancelled during an opening, leaving waits
    2 s, and the opening is left to the end of the process. So let an opening end if the process is to go on.
    """

    def __init__(
        self,
        opener: Callable[[], Source],
        *,
        controls: Mapping[str, object] | None = None,
        finish: Callable[[Frame], bool] = lambda _frame: True,
        watched: Callable[[], bool] = lambda: True,
        utc_of: Callable[[int], int | None] = lambda _captured: None,
        stall_timeout: float = 5.0,
        opening: float = 20.0,
        closing: float = 5.0,
    ) -> None:
        self._opener = opener
        self._controls = controls or {}
        self._finish = finish
        self._watched = watched
        self._utc_of = utc_of
        self._stall_timeout, self._opening, self._closing = stall_timeout, opening, closing
        self._ready = asyncio.Event()
        self._slot: Slot[Frame] = Slot(self._ready)
        self._info: SourceInfo | None = None
        self._ended = asyncio.Event()
        self._failure: BaseException | None = None
        self._told = False  # whether `frame` has raised the failure
        self._overtaken = 0
        # Shared with the thread, under the lock:
        self._lock = threading.Lock()
        self._source: Source | None = None
        self._stopping = False
        self._rate = Rate()
        self._requests: deque[tuple[Mapping[str, object], Future[None]]] = deque()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._frames = Handover(self._loop, self._deliver)
        # A daemon only because a thread that hangs in a library must not keep the process from ending; every other one
        # is joined.
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()
        try:
            async with asyncio.timeout(self._opening):
                while self._info is None and self._failure is None:
                    self._ready.clear()
                    await self._ready.wait()
        except TimeoutError:
            await self._stop()
            raise SourceUnavailable(f"the source did not open within {self._opening:g} s") from None
        except BaseException:
            if not await self._stopped(min(self._closing, _CANCELLED_OPEN_TIMEOUT_S)):
                log.info("the source is still opening; it is left behind")
            raise
        if self._info is None and self._failure is not None:
            await self._stop()
            raise self._failure
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._stop()
        except SourceStuck as stuck:
            if isinstance(error, SourceUnavailable | asyncio.CancelledError | None):
                raise
            log.error("%s", stuck)  # the bug that came first is raised
        if not self._told and not isinstance(self._failure, SourceUnavailable | None):
            raise self._failure  # a bug in closing, which was not raised yet

    async def frame(self) -> Frame:
        """Wait for a frame newer than the last one given.

        Raises SourceUnavailable when the source does, and when no frame came for `stall_timeout` seconds (or the time
        of two frames, if that is longer) and half a second. Everything else that the source raises is a bug, and is let
        out.
        """
        fps = self.info.fps
        timeout = max(self._stall_timeout, 2 / fps if fps else 0)
        try:
            async with asyncio.timeout(timeout + _STALL_GRACE_S):
                while True:
                    self._ready.clear()
                    if (frame := self._slot.poll()) is not None:
                        return frame
                    if self._failure is not None:
                        self._told = True
                        raise self._failure
                    await self._ready.wait()
        except TimeoutError as error:
            if error is self._failure:
                raise
            self._closing = min(self._closing, _STALLED_CLOSE_TIMEOUT_S)
            raise SourceUnavailable(f"no frame for {timeout:g} s") from None

    async def set_controls(self, controls: Mapping[str, object]) -> None:
        """Change camera controls, between two frames. Raises Unsupported, BadMessage, or SourceUnavailable."""
        done: Future[None] = Future()
        with self._lock:
            if self._failure is not None or self._stopping:
                raise SourceUnavailable("the source is away")
            self._requests.append((controls, done))
        await asyncio.wrap_future(done)

    @property
    def info(self) -> SourceInfo:
        """What the source said about itself when it had been opened, or had given its first frame.

        Only within the context: it was open then.
        """
        if self._info is None:
            raise RuntimeError("the source was not opened yet")
        return self._info

    @property
    def fps(self) -> float:
        """Frames per second that the source gives now, wanted or not."""
        with self._lock:
            return self._rate.per_second(clock.now())

    @property
    def dropped(self) -> int:
        """Frames that were replaced before they were taken."""
        return self._slot.dropped + self._overtaken

    async def _stop(self) -> None:
        if not await self._stopped(self._closing):
            if self._source is None:
                told = f"is still opening after {self._opening + self._closing:g} s"
            else:
                told = f"did not close within {self._closing:g} s"
            raise SourceStuck(f"the source {told}; only a new process can free it, so this one ends")

    async def _stopped(self, seconds: float) -> bool:
        """Close the source; whether it is closed, and its thread has ended, within so many seconds."""
        with self._lock:
            self._stopping = True
            source = self._source
        if source is not None:
            source.interrupt()
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            return False
        self._thread.join()
        return True

    def _run(self) -> None:
        failure: BaseException | None = None
        try:
            source = self._opener()
            try:
                self._read(source)
            except BaseException as error:
                call_in_loop(self._loop, self._fail, error)  # at once: closing may take long, or never end
                raise
            finally:
                source.close()
        except BaseException as error:  # not lost: `frame` or entering raises it
            failure = error
        call_in_loop(self._loop, self._end, failure)

    def _read(self, source: Source) -> None:
        with self._lock:
            self._source = source
        for name, value in self._controls.items():
            try:
                source.set_controls({name: value})
            except Refused as error:
                log.warning("a camera control is not set again: %s", error)
        call_in_loop(self._loop, self._learn, source.info())
        newest: int | None = None  # when the last frame was captured
        step, sign_due = _UNWANTED_FRAME_PERIOD_US, 0  # from frame to frame; when the next sign of life is due
        while not self._stopping:
            while self._requests:
                controls, done = self._requests.popleft()
                _answer(done, source, controls)
            if newest is not None and newest + step < sign_due and not self._watched():
                newest = source.skip()
                with self._lock:
                    self._rate.tick(newest)
                continue
            frame = source.read()
            if (utc := self._utc_of(frame.captured)) is not None:
                frame = frame.with_utc(utc)
            wanted = self._finish(frame)
            if newest is None:
                # Only now a webcam's colours are known.
                call_in_loop(self._loop, self._learn, source.info())
            else:
                step = frame.captured - newest
            newest = frame.captured
            with self._lock:
                self._rate.tick(frame.captured)
            if wanted or frame.captured >= sign_due:
                sign_due = frame.captured + _UNWANTED_FRAME_PERIOD_US
                self._frames.put(frame)

    # On the event loop:

    def _learn(self, info: SourceInfo) -> None:
        self._info = info
        self._ready.set()

    def _deliver(self, frame: Frame, overtaken: int) -> None:
        self._overtaken += overtaken
        self._slot.put(frame)

    def _fail(self, failure: BaseException) -> None:
        with self._lock:
            self._failure = failure
        self._closing = min(self._closing, _STALLED_CLOSE_TIMEOUT_S)
        self._ready.set()

    def _end(self, failure: BaseException | None) -> None:
        with self._lock:
            self._told = self._told and failure is self._failure  # in closing, another one may have come
            self._failure = failure if failure is not None else SourceUnavailable("the source is closed")
            left, self._requests = self._requests, deque()
        for _, done in left:
            if not done.done():
                done.set_exception(SourceUnavailable("the source is away"))
        self._ended.set()
        self._ready.set()


def _answer(done: Future[None], source: Source, controls: Mapping[str, object]) -> None:
    if not done.set_running_or_notify_cancel():
        return
    try:
        source.set_controls(controls)
    except BaseException as error:  # not lost: it is the answer
        done.set_exception(error)
    else:
        done.set_result(None)
