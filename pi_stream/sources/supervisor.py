"""Keeps a source running: opens it, hands on its frames; when it fails, shows why and tries again.

    opening ──▶ online ──▶ (SourceUnavailable) ──▶ offline, pause ──▶ opening ...
                      └──▶ (not watched) ──▶ resting ──▶ (watched) ──▶ opening ...

The pauses grow from half a second to 15 s. While there is no source, a picture that says why (the offline picture) is
handed on in its place twice a second, flagged offline; also when a source that has rested takes longer than a second to
open. Signs of life, for the watchdog, are frames, offline pictures while the source is tried again and again, and rest.
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import NamedTuple, Protocol

import msgspec

from pi_stream.errors import SettingError, SourceUnavailable, Unsupported
from pi_stream.lib import clock
from pi_stream.media.frame import Frame, Plane
from pi_stream.media.source_state import SourceInfo, SourceState
from pi_stream.sources.spec import Kind, SourceSpec

log = logging.getLogger(__name__)

_RETRY_PAUSES_S = (0.5, 1, 2, 4, 8, 15)  # before the next try; the last one is repeated
_PROVEN_US = 10_000_000  # online; after that a failure counts as the first again
_OFFLINE_PICTURE_PERIOD_S = 0.5  # between two offline frames
_OPEN_GRACE_S = 1.0  # of opening, at start and after rest, before the offline picture is shown
_MAX_TRY_US = 60_000_000  # since the last try; more than opening, closing and the longest pause take together
_REST_SIGN_PERIOD_S = 1.0  # between two signs of life of a source that rests
_OPENING = "the camera is being opened"  # for viewers that came while it rested


Opener = Callable[[SourceSpec, Iterator[int], Mapping[str, object]], AbstractAsyncContextManager["OpenSource"]]
"""Given what to open, the frames' numbers, and the camera controls that are set before the first frame."""


class OpenSource(Protocol):
    """A source that is open, such as `capture_thread.CaptureThread`."""

    async def frame(self) -> Frame:
        """The next frame. Raises SourceUnavailable."""
        ...

    @property
    def fps(self) -> float:
        """Frames per second that it gives now."""
        ...

    @property
    def info(self) -> SourceInfo:
        """What it says about itself."""
        ...

    async def set_controls(self, controls: Mapping[str, object]) -> None:
        """Change camera controls. Raises Refused."""
        ...


class SourceSupervisor:
    """The life of one camera's source. `run` it; everything else may be read at any time, on the event loop."""

    def __init__(
        self,
        spec: SourceSpec,
        open_source: Opener,
        *,
        offline_picture: Callable[[int, int, str, str], Plane],
        show: Callable[[Frame], Awaitable[None]],
        changed: Callable[[], None],
        watched: asyncio.Event,
        idle_stop: float,
        alive: Callable[[], None] = lambda: None,
        utc_of: Callable[[int], int | None] = lambda _captured: None,
        camera: Callable[[], str] = lambda: "",
    ) -> None:
        """Supervise the source that `spec` describes; `open_source` opens it, and every later one.

        `offline_picture` draws an I420 picture of width, height (pixels), title and reason. `show` is given every
        frame. `changed` is called when the source goes offline or comes back. After `idle_stop` seconds in which
        `watched` was not set the source is closed until it is set again (0: never). It counts as online then, because
        nothing is known to be wrong with it, and also in the first second of being opened again. `alive` is called at
        each sign of life. `utc_of` gives the UTC of an offline picture's `captured`, see `UtcClock.of`. `camera` gives
        the camera's name for the log; "" if there is only one.
        """
        self.spec = spec
        self.online = False
        self.reason: str | None = "starting"
        self.tried = asyncio.Event()  # set once the first try to open the source has ended
        self._open_source = open_source
        self._offline_picture = offline_picture
        self._show = show
        self._changed = changed
        self._seq = itertools.count()
        self._source: OpenSource | None = None
        self._info = _not_open(spec)
        self._settings_proved = False  # a source was open with them, or a reload has checked them
        self._controls: dict[Kind, dict[str, object]] = {}  # that were accepted
        self._state_changed = asyncio.Event()
        self._watched = watched
        self.idle_stop = idle_stop
        self.resting = False
        self.closed = 0  # sources, since the start
        self._alive = alive
        self._utc_of = utc_of
        self._camera = camera
        self._tried_at = clock.now()
        self._opening_notice: asyncio.TimerHandle | None = None  # for a source that is opened after rest
        self._replaced = asyncio.Event()
        # Set while the source is neither opened nor closed. Neither can be broken off, and each has limits of its own:
        # another source would find the device busy, or a healthy one would be taken for stuck.
        self._settled = asyncio.Event()
        self._settled.set()
        self._replacing = ""

    @property
    def kind(self) -> Kind:
        """The kind of the source."""
        return self.spec.kind

    @property
    def name(self) -> str:
        """What the source calls itself, such as a sensor's model; its kind before it was ever open."""
        return self._info.name or self.kind

    @property
    def fps(self) -> float:
        """Frames per second that the source gives now."""
        return self._source.fps if self.online and self._source is not None else 0.0

    @property
    def opening(self) -> bool:
        """Whether there are no pictures only because a source that has rested is slow to open."""
        return self.reason == _OPENING

    def state(self) -> SourceState:
        """What the source says about itself, and its state now."""
        return SourceState.of(
            self._info,
            online=self.online,
            reason=self.reason,
            resting=self.resting,
            why=self.spec.why,
            refused=self.spec.refused,
            measured_fps=round(self.fps, 1),
        )

    async def set_controls(self, controls: Mapping[str, object]) -> None:
        """Change camera controls. They are kept, and set again whenever a source of this kind is opened.

        Raises Refused. What is kept is bounded, because a source refuses names that it does not know.
        """
        kind = self.kind
        if self.resting:
            raise Unsupported("the source rests because nothing is watched; it takes controls once a viewer watches")
        if self._source is None:
            raise Unsupported(f"the source is away: {self.reason}")
        try:
            await self._source.set_controls(controls)
        except SourceUnavailable as error:
            raise Unsupported(f"the source is away: {error}") from None
        self._controls.setdefault(kind, {}).update(controls)

    async def run(self) -> None:
        """Run until cancelled. Raises SettingError when the source can never be opened, and lets bugs out."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._show_offline_pictures(), name="offline picture")
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
        self, spec: SourceSpec, *, reason: str = "the settings changed, and the source is opened again"
    ) -> None:
        """Close the source, and open this one in its place. `reason` says why there is no picture meanwhile."""
        self.spec = spec
        self._replacing = reason
        self._info = _not_open(spec)  # what the old one said is not true of the new one
        self._settings_proved = True
        self._replaced.set()

    async def _keep(self) -> None:
        failures = 0
        while True:
            opened = self._tried_at = clock.now()
            try:
                await self._run_once()
                self._source = None
                await self._rest()
                self._opening_notice = asyncio.get_running_loop().call_later(_OPEN_GRACE_S, self._tell_opening)
                failures = 0
                continue
            except SourceUnavailable as error:
                reason = str(error)
            except SettingError as error:
                if not self._settings_proved:
                    raise
                reason = str(error)  # it was right once: the film was removed, and may come back
            finally:
                came, self._source = self._source is not None, None
                self.tried.set()
            failures = 1 if came and clock.now() - opened > _PROVEN_US else failures + 1
            self._went_away(reason)
            await asyncio.sleep(_RETRY_PAUSES_S[min(failures, len(_RETRY_PAUSES_S)) - 1])

    async def _run_once(self) -> None:
        """Return when nothing has been watched for `idle_stop` seconds."""
        self._settled.clear()
        try:
            async with self._open_source(self.spec, self._seq, dict(self._controls.get(self.kind, {}))) as source:
                if self._replaced.is_set():
                    raise SourceUnavailable(self._replacing)
                self._settled.set()
                try:
                    await self._hand_on(source)
                except SourceUnavailable as error:
                    self._went_away(str(error))  # viewers read it now: closing may take long, or never end
                    raise
                finally:
                    self._settled.clear()
        finally:
            self._settled.set()
            self.closed += 1

    async def _hand_on(self, source: OpenSource) -> None:
        frame = await source.frame()
        self._source = source
        self._info, self._settings_proved = source.info, True
        self._set(online=True, reason=None)
        log.info("%s is online: %s", self._logged, msgspec.json.encode(self._info).decode(), extra=self._field)
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
            return  # the reason stays that another source takes its place
        if reason != self.reason:
            log.warning("%s is offline: %s", self._logged, reason, extra=self._field)
        self._set(online=False, reason=reason)
        self._tried_at = clock.now()

    async def _rest(self) -> None:
        log.info("%s rests: nothing is watched", self._logged, extra=self._field)
        self.resting = True
        try:
            while not self._watched.is_set():
                self._alive()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._watched.wait(), _REST_SIGN_PERIOD_S)
        finally:
            self.resting = False

    def _tell_opening(self) -> None:
        self._set(online=False, reason=_OPENING)

    def _call_off(self) -> None:
        """Cancel the notice that the source is still being opened: its state is known now, or the service ends."""
        if self._opening_notice is not None:
            self._opening_notice.cancel()
            self._opening_notice = None

    async def _show_offline_pictures(self) -> None:
        await self._pause(_OPEN_GRACE_S)
        drawn: _OfflinePicture | None = None
        while True:
            if self.online:
                await self._pause(None)
                continue
            reason, size = self.reason or "", (self.spec.format.width, self.spec.format.height)
            if drawn is None or (drawn.reason, drawn.size) != (reason, size):
                try:
                    plane = await asyncio.to_thread(self._offline_picture, *size, "No picture", reason)
                    drawn = _OfflinePicture(reason, size, plane)
                except OSError as error:  # no file descriptor is left to read a font with
                    log.warning("the offline picture cannot be drawn: %s", error)
            if not self.online and drawn is not None:
                if clock.now() - self._tried_at < _MAX_TRY_US:
                    self._alive()
                # A copy, because the overlay draws on the frames that it is given.
                now, number = clock.now(), next(self._seq) & 0xFFFFFFFF
                await self._show(
                    Frame(drawn.plane.copy(), *drawn.size, number, now, offline=True, utc=self._utc_of(now))
                )
            await self._pause(_OFFLINE_PICTURE_PERIOD_S)

    async def _pause(self, seconds: float | None) -> None:
        """Wait that long, or until the state changes; not at all if it changed since the last pause."""
        try:
            async with asyncio.timeout(seconds):
                await self._state_changed.wait()
        except TimeoutError:
            return
        self._state_changed.clear()

    @property
    def _logged(self) -> str:
        """What the log calls the source, such as "v4l2" or "garden: v4l2"."""
        return f"{name}: {self.kind}" if (name := self._camera()) else self.kind

    @property
    def _field(self) -> dict[str, str]:
        """Fields of the journal."""
        return {"PI_STREAM_SOURCE": self.kind, **({"PI_STREAM_CAMERA": name} if (name := self._camera()) else {})}

    def _set(self, *, online: bool, reason: str | None) -> None:
        self._call_off()
        if (online, reason) != (self.online, self.reason):
            self.online, self.reason = online, reason
            self._state_changed.set()
            self._changed()


class _OfflinePicture(NamedTuple):
    reason: str
    size: tuple[int, int]
    plane: Plane


def _not_open(spec: SourceSpec) -> SourceInfo:
    """What is known of a source before it was open."""
    return SourceInfo(kind=spec.kind, width=spec.format.width, height=spec.format.height)
