"""The pipeline: a frame's way from its source to the hub, with a tap before the captions and one after them.

    capture thread:  frame ─▶ raw taps ─▶ captions are drawn ─▶ encoded at once, if one channel alone wants it
    event loop:                                             └─▶ drawn taps ─▶ hub.offer

It decides which frames are drawn and who is handed which. Frames reach taps and hub in the order of their `seq`.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from pi_stream.captions.fields import FieldContext
from pi_stream.captions.store import CaptionStore
from pi_stream.hub import Hub
from pi_stream.media.frame import Frame
from pi_stream.overlay import Overlay

_MAX_UNDRAWN = 16  # frames that may wait undrawn for the event loop; the capture thread hands on two a second of them


class Pipeline:
    """One camera's. `fields` gives what the fields of captions show in a frame.

    `process` and `watched` are called by the capture thread, everything else on the event loop. What both use is
    guarded by a lock, or is one reference that is replaced as a whole; nothing relies on the interpreter's lock.
    """

    def __init__(self, captions: CaptionStore, hub: Hub, fields: Callable[[Frame], FieldContext]) -> None:
        self._captions = captions
        self._hub = hub
        self._fields = fields
        self._overlay = Overlay()
        self._drawing = threading.Lock()  # the overlay serves one thread at a time
        self._in_turn = asyncio.Lock()  # frames are shown in the order in which they came
        self._undrawn: deque[int] = deque(maxlen=_MAX_UNDRAWN)  # seq of frames that no viewer wanted when captured
        self._undrawn_lock = threading.Lock()
        self._raw: tuple[Callable[[Frame], None], ...] = ()
        self._drawn: tuple[Callable[[Frame], None], ...] = ()

    @contextmanager
    def raw(self, tap: Callable[[Frame], None]) -> Iterator[None]:
        """While the block runs, call `tap` with frames before captions are drawn on them.

        It is called on the capture thread and delays each frame by its own time; it must copy what it keeps. It gets
        the frames that there are: a camera is neither opened nor kept open for it, and while no viewer watches, that
        is two frames a second, or none.
        """
        self._raw = (*self._raw, tap)
        try:
            yield
        finally:
            self._raw = tuple(each for each in self._raw if each != tap)

    @contextmanager
    def drawn(self, tap: Callable[[Frame], None]) -> Iterator[None]:
        """While the block runs, call `tap` on the event loop with frames as viewers see them; else as `raw`."""
        self._drawn = (*self._drawn, tap)
        try:
            yield
        finally:
            self._drawn = tuple(each for each in self._drawn if each != tap)

    def watched(self) -> bool:
        """Whether a viewer watches anything. Any thread may ask."""
        return self._hub.watched.is_set()

    def process(self, frame: Frame) -> bool:
        """Take a frame where it was captured, before any other thread has it; returns whether `show` must have it."""
        for tap in self._raw:
            tap(frame)
        drawn_taps = bool(self._drawn)
        if not self._hub.wants(frame) and not drawn_taps:
            with self._undrawn_lock:
                self._undrawn.append(frame.seq)
            return False
        self._draw(frame)
        return not self._hub.encode_ahead(frame) or drawn_taps

    async def show(self, frame: Frame) -> None:
        """Hand a frame to taps and hub, in the order of the calls."""
        async with self._in_turn:
            with self._undrawn_lock:
                undrawn = frame.seq in self._undrawn
            if (frame.offline or undrawn) and (self._hub.wants(frame) or self._drawn):
                await asyncio.to_thread(self._draw, frame)
            for tap in self._drawn:
                tap(frame)
            self._hub.offer(frame)

    def _draw(self, frame: Frame) -> None:
        if captions := self._captions.all:
            with self._drawing:
                self._overlay.draw(frame, captions, partial(self._fields, frame))
