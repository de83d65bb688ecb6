"""Keeps a source running: opens it, hands on its frames, and when it fails shows why and tries again.

    opening ──▶ online ──▶ (SourceUnavailable) ──▶ offline, pause ──▶ opening ...
                      └──▶ (nobody watches) ──▶ resting ──▶ (somebody does) ──▶ opening ...

The pauses grow from half a second to fifteen. While there is no source, a placard that says why is handed on in its
place, flagged offline, twice a second; also where a source that has rested takes longer than a moment to open. Signs of
life, for the watchdog, are frames, placards while the source is tried again and again, and rest.
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Protocol

from pi_stream.errors import SettingError, SourceUnavailable, Unsupported
from pi_stream.lib import clock
from pi_stream.media.frame import Frame, Plane

log = logging.getLogger(__name__)

_PAUSES = (0.5, 1, 2, 4, 8, 15)  # seconds before the next try
_PROVEN = 10_000_000  # microseconds online after which a failure counts as the first again
_PLACARD_PERIOD = 0.5  # seconds between two offline frames
_PATIENCE = 1.0  # seconds of opening, at start and after rest, before the placard is shown
_TRYING = 60_000_000  # microseconds since the last try; more than opening, closing and the longest pause take together
_REST_PERIOD = 1.0  # seconds between two signs of life of a source that rests
_OPENING = "the camera is being opened"  # for whoever came while it rested


Opener = Callable[[Iterator[int], Mapping[str, object]], AbstractAsyncContextManager["OpenSource"]]
"""Given the frames' numbers, and the camera controls that are set before the first frame."""


class OpenSource(Protocol):
    """A source that is open, as `sources.capture.Capture` is."""

    async def frame(self) -> Frame:
        """The next frame. Raises SourceUnavailable."""
        ...

    @property
    def fps(self) -> float:
        """Frames a second that it gives now."""
        ...

    def describe(self) -> dict[str, Any]:
        """What it is, as JSON."""
        ...

    async def set_controls(self, controls: Mapping[str, object]) -> None:
        """Change camera controls. Raises Refused."""
        ...


class SourceSupervisor:
    """The source's life. `run` it; everything else may be read at any time."""

    def __init__(
        self,
        *,
        kind: str,
        facts: Mapping[str, Any],
        size: tuple[int, int],
        open_source: Opener,
        placard: Callable[[int, int, str, str], Plane],
        show: Callable[[Frame], Awaitable[None]],
        changed: Callable[[], None],
        watched: asyncio.Event,
        idle_stop: float,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        """`facts` are added to what is said of the source. `placard` draws width, height, title, reason as I420; `show`
        is handed every frame; `changed` is called when the source goes away or comes back. After `idle_stop` seconds
        in which `watched` was not set the source is closed, until it is (0: never). It counts as online then: nothing
        is known to be wrong with it; and so it does while it is opened again, for a second. `alive` is called at each
        sign of life.
        """
        self.kind = kind
        self._facts = facts
        self.online = False
        self.reason: str | None = "starting"
        self.tried = asyncio.Event()  # set once the first try to open the source has ended
        self._size = size
        self._open_source = open_source
        self._placard = placard
        self._show = show
        self._changed = changed
        self._seq = itertools.count()
        self._source: OpenSource | None = None
        self._description: dict[str, Any] = {}
        self._controls: dict[str, dict[str, object]] = {}  # that were accepted, by the source's kind
        self._state_changed = asyncio.Event()
        self._watched = watched
        self.idle_stop = idle_stop
        self.resting = False
        self.closed = 0  # sources, since the start
        self._alive = alive
        self._tried_at = clock.now()
        self._patience: asyncio.TimerHandle | None = None  # with a source that is opened after rest
        self._replaced = asyncio.Event()
        # Set while the source is neither opened nor closed. Neither can be broken off, and each has limits of its own:
        # another source would find the device busy, or a healthy one be taken for stuck.
        self._settled = asyncio.Event()
        self._settled.set()
        self._replacing = ""

    @property
    def name(self) -> str:
        """What the source calls itself, such as a sensor's model; its kind before it was ever open."""
        return str(self._description.get("name") or self.kind)

    @property
    def fps(self) -> float:
        """Frames a second that the source gives now."""
        return self._source.fps if self.online and self._source is not None else 0.0

    @property
    def opening(self) -> bool:
        """Whether all that keeps pictures from coming is that a source which has rested is slow to open."""
        return self.reason == _OPENING

    def describe(self) -> dict[str, Any]:
        """The source and its state, as JSON."""
        width, height = self._size
        state = {"kind": self.kind, "online": self.online, "reason": self.reason, "resting": self.resting}
        size = {"width": width, "height": height}
        return {**size, **self._facts, **self._description, **state, "measured_fps": round(self.fps, 1)}

    async def set_controls(self, controls: Mapping[str, object]) -> None:
        """Change camera controls; those are kept, and set again whenever a source of this kind is opened.

        Raises Refused. What is kept is bounded: a source refuses names that it does not know.
        """
        kind = self.kind
        if self.resting:
            raise Unsupported("the source rests, for nobody watches; it takes controls once somebody does")
        if self._source is None:
            raise Unsupported(f"the source is away: {self.reason}")
        try:
            await self._source.set_controls(controls)
        except SourceUnavailable as error:
            raise Unsupported(f"the source is away: {error}") from None
        self._controls.setdefault(kind, {}).update(controls)

    async def run(self) -> None:
        """Until cancelled. Raises SettingError when the source can never be opened, and lets bugs out."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._hold_placard(), name="placard")
                while True:
                    keeping = tasks.create_task(self._keep(), name="source")
                    await self._replaced.wait()
                    self._set(online=False, reason=self._replacing)
                    while not self._settled.is_set():
                        await self._settled.wait()
                    keeping.cancel()
                    await asyncio.wait({keeping})
                    self._replaced.clear()
        finally:
            self._call_off()

    def replace(
        self,
        *,
        kind: str,
        facts: Mapping[str, Any],
        open_source: Opener,
        reason: str = "the settings changed, and the source is opened again",
    ) -> None:
        """Close the source, and open this one in its place; the arguments are those of the constructor.

        `reason` is why there is no picture meanwhile.
        """
        self.kind, self._facts, self._open_source = kind, facts, open_source
        self._replacing = reason
        self._description = {"kind": kind}  # what was said of the old one is not true of the new
        self._replaced.set()

    async def _keep(self) -> None:
        failures = 0
        while True:
            opened = self._tried_at = clock.now()
            try:
                await self._run_once()
                self._source = None
                await self._rest()
                self._patience = asyncio.get_running_loop().call_later(_PATIENCE, self._tell_opening)
                failures = 0
                continue
            except SourceUnavailable as error:
                reason = str(error)
            except SettingError as error:
                if not self._description:
                    raise
                reason = str(error)  # it was right once: the film was taken away, and may come back
            finally:
                came, self._source = self._source is not None, None
                self.tried.set()
            failures = 1 if came and clock.now() - opened > _PROVEN else failures + 1
            self._went_away(reason)
            await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES)) - 1])

    async def _run_once(self) -> None:
        """Returns when nobody has watched for long enough."""
        self._settled.clear()
        try:
            async with self._open_source(self._seq, dict(self._controls.get(self.kind, {}))) as source:
                if self._replaced.is_set():
                    raise SourceUnavailable(self._replacing)
                self._settled.set()
                try:
                    await self._hand_on(source)
                except SourceUnavailable as error:
                    self._went_away(str(error))  # viewers read it now: closing may take long, or for ever
                    raise
                finally:
                    self._settled.clear()
        finally:
            self._settled.set()
            self.closed += 1

    async def _hand_on(self, source: OpenSource) -> None:
        frame = await source.frame()
        self._source = source
        self._description = source.describe()
        self._set(online=True, reason=None)
        log.info("%s is online: %s", self.kind, self._description, extra=self._field)
        self.tried.set()
        seen = frame.captured
        while True:
            if self._watched.is_set():
                seen = frame.captured
            elif self.idle_stop and frame.captured - seen > self.idle_stop * 1e6:
                return
            self._alive()
            await self._show(frame)
            frame = await source.frame()

    def _went_away(self, reason: str) -> None:
        if self._replaced.is_set():
            return  # whatever becomes of it now: the reason is that another one takes its place
        if reason != self.reason:
            log.warning("%s is offline: %s", self.kind, reason, extra=self._field)
        self._set(online=False, reason=reason)
        self._tried_at = clock.now()

    async def _rest(self) -> None:
        log.info("%s rests: nobody watches", self.kind, extra=self._field)
        self.resting = True
        try:
            while not self._watched.is_set():
                self._alive()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._watched.wait(), _REST_PERIOD)
        finally:
            self.resting = False

    def _tell_opening(self) -> None:
        self._set(online=False, reason=_OPENING)

    def _call_off(self) -> None:
        """What there is to say of the opening is known, or there is nobody left to be told."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    async def _hold_placard(self) -> None:
        await self._pause(_PATIENCE)
        drawn: tuple[str | None, Plane | None] = (None, None)
        while True:
            if self.online:
                await self._pause(None)
                continue
            reason = self.reason or ""
            if drawn[0] != reason:
                try:
                    drawn = (reason, await asyncio.to_thread(self._placard, *self._size, "No picture", reason))
                except OSError as error:  # no file descriptor is left to read a font with
                    log.warning("the picture that says why there is none cannot be drawn: %s", error)
            if not self.online and drawn[1] is not None:
                if clock.now() - self._tried_at < _TRYING:
                    self._alive()
                # A copy, because the overlay draws on what it is shown.
                await self._show(
                    Frame(drawn[1].copy(), *self._size, next(self._seq) & 0xFFFFFFFF, clock.now(), offline=True)
                )
            await self._pause(_PLACARD_PERIOD)

    async def _pause(self, seconds: float | None) -> None:
        """Wait that long, or until the state changes, or not at all if it changed since the last pause."""
        try:
            async with asyncio.timeout(seconds):
                await self._state_changed.wait()
        except TimeoutError:
            return
        self._state_changed.clear()

    @property
    def _field(self) -> dict[str, str]:
        """For the journal."""
        return {"PI_STREAM_SOURCE": self.kind}

    def _set(self, *, online: bool, reason: str | None) -> None:
        self._call_off()
        if (online, reason) != (self.online, self.reason):
            self.online, self.reason = online, reason
            self._state_changed.set()
            self._changed()
