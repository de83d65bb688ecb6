"""The cameras of the service: which source each has, and how a reload adds, removes and renames them."""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from pi_stream.app.heartbeat import Heartbeat
from pi_stream.captions.fields import FieldContext
from pi_stream.config.reload import Change
from pi_stream.config.settings import CameraSettings
from pi_stream.hub import ChannelLimit
from pi_stream.lib.fair_executor import FairExecutor
from pi_stream.lib.machine_stats import MachineMonitor
from pi_stream.lib.utc_clock import UtcClock
from pi_stream.media.frame import Frame
from pi_stream.sources import SourceSpec, allocate_async, pinned, takes_place
from pi_stream.stream import CamerasChanged, Events, Stream, Streams

log = logging.getLogger(__name__)


class Cameras:
    """Runs each stream in a task of `tasks`. Belongs to the event loop."""

    def __init__(
        self,
        streams: Streams,
        tasks: asyncio.TaskGroup,
        *,
        state: Path,
        pool: FairExecutor,
        channels: ChannelLimit,
        events: Events,
        heartbeat: Heartbeat,
        monitor: MachineMonitor,
        viewers: Callable[[], int],
    ) -> None:
        self.streams = streams
        self.channels = channels
        self._tasks = tasks
        self._state = state
        self._pool = pool
        self._events = events
        self._heartbeat = heartbeat
        self._monitor = monitor
        self._viewers = viewers
        self._utc = UtcClock()
        self._running: dict[Stream, asyncio.Task[None]] = {}
        self._beats: dict[Stream, Callable[[], None]] = {}

    async def choose(
        self, settings: Mapping[str, CameraSettings], change: Change | None = None
    ) -> Mapping[str, SourceSpec]:
        """Choose the source of each of these cameras: one that no other camera has. Raises SettingError.

        `change` is the reload that it is for; it names cameras as the settings do, and not as the streams do.
        """
        if not settings:
            return {}
        names = change.renamed if change is not None else {}
        removed = change.removed if change is not None else ()
        streams = {names.get(name, name): each for name, each in self.streams.items() if name not in removed}
        held = {name: each for name, each in streams.items() if name not in settings}
        if len(settings) + len(held) > 1:
            for stream in streams.values():  # what is the first device of its kind changes with the other cameras
                stream.supervisor.spec = pinned(stream.supervisor.spec, stream.supervisor.state())
        sources = {name: each.supervisor.spec for name, each in streams.items()}
        specs = await allocate_async(
            settings,
            held={name: sources[name] for name in held},
            had={name: sources[name] for name in settings if name in sources},
        )
        for name, stream in held.items():
            stream.supervisor.spec = specs.get(name, sources[name])  # it is opened next
        return specs

    async def take_better(self, *, only_unavailable: bool = False) -> None:
        """Have each camera whose settings do not name its device change to a better one, or to any if it is offline.

        `only_unavailable`: only cameras that could not have a device.
        """
        alone = len(self.streams) == 1
        wanting = {
            name: each
            for name, each in self.streams.items()
            if each.supervisor.spec.unavailable or (not only_unavailable and _may_change(each, alone=alone))
        }
        settings = {name: each.settings for name, each in wanting.items()}
        specs = await self.choose(settings)
        for name, stream in wanting.items():
            old, new = stream.supervisor.spec, specs[name]
            if stream.settings is settings[name] and takes_place(new, old, online=stream.supervisor.online):
                log.info("the camera %s changes from %s to %s: %s", stream.name, old.kind, new.kind, new.why)
                stream.replace_source(new, settings[name], reason="a camera came, and it is opened")

    async def start(self, settings: Mapping[str, CameraSettings], specs: Mapping[str, SourceSpec]) -> None:
        """Start a stream for each camera, the first one first."""
        first = next(iter(settings))
        self.streams.put(
            {name: self._new(name, each, specs[name], first=name == first) for name, each in settings.items()}
        )
        for stream in self.streams.values():
            self._run(stream)
        for stream in self.streams.values():
            await stream.opened.wait()

    async def all_tried(self) -> None:
        """Wait until each camera was opened, or could not be."""
        for stream in self.streams.values():
            await stream.supervisor.tried.wait()

    def stop(self) -> None:
        """Have all streams end."""
        for stream in self._running:
            stream.stop()

    def hold_libcamera(self) -> bool:
        """Whether this process has a camera of libcamera open now."""
        sources = [stream.supervisor for stream in self.streams.values()]
        return any(each.kind == "picamera2" and (each.online or each.opening) and not each.resting for each in sources)

    @property
    def closed(self) -> int:
        """Sources and channels that were closed since the start."""
        return sum(each.supervisor.closed + each.hub.ended for each in self._running)

    async def take_over(self, change: Change, specs: Mapping[str, SourceSpec]) -> None:
        """Add, rename, remove and reopen cameras as a reload wants it; `specs` are the sources of those that open."""
        settings = change.config.all_cameras
        first = change.config.first_camera
        renamed = {change.renamed.get(name, name): stream for name, stream in self.streams.items()}
        gone = [renamed.pop(change.renamed.get(name, name)) for name in change.removed]
        added = [self._new(name, settings[name], specs[name], first=name == first) for name in change.added]
        for name, stream in renamed.items():
            if stream.name != name:
                log.info("the camera %s is now called %s", stream.name, name)
                stream.name = name
            if name in change.reopened:
                stream.replace_source(specs[name], settings[name])
            else:
                stream.take_over(settings[name])
        streams = {**renamed, **{stream.name: stream for stream in added}}
        self.streams.put({name: streams[name] for name in settings})
        for stream in gone:  # first, because another camera may get its device, or its file of captions
            await self._remove(stream)
        for name in sorted(renamed, key=first.__eq__):  # the file of the first camera is given up before it is taken
            await renamed[name].captions.move_to(self._captions_file(name, first=name == first))
        for stream in added:
            self._run(stream)
            await stream.opened.wait()
        if change.added or change.removed or change.renamed:
            self._events.publish(CamerasChanged(tuple(settings)))

    def _new(self, name: str, settings: CameraSettings, spec: SourceSpec, *, first: bool) -> Stream:
        alive = self._heartbeat.of_one_more()
        stream = Stream(
            name,
            settings,
            spec,
            captions_file=self._captions_file(name, first=first),
            pool=self._pool.share(),
            channels=self.channels,
            events=self._events,
            fields=self._fields,
            alive=alive,
            alone=lambda: len(self.streams) == 1,
            utc_of=self._utc.of,
        )
        self._beats[stream] = alive
        return stream

    def _captions_file(self, name: str, *, first: bool) -> Path:
        return self._state / ("captions.json" if first else f"captions-{name}.json")

    def _run(self, stream: Stream) -> None:
        self._running[stream] = self._tasks.create_task(stream.run(), name=f"camera {stream.name}")

    async def _remove(self, stream: Stream) -> None:
        log.info("the camera %s is removed", stream.name)
        self._heartbeat.forget(self._beats.pop(stream))
        stream.stop()
        await asyncio.wait({self._running[stream]})
        del self._running[stream]

    def _fields(self, stream: Stream, frame: Frame) -> FieldContext:
        """What the fields of captions show in a frame."""
        return FieldContext(
            frame=frame,
            source_fps=stream.supervisor.fps,
            host=socket.gethostname(),
            viewers=self._viewers(),
            temperature_c=self._monitor.latest.temperature_c,
        )


def _may_change(stream: Stream, *, alone: bool) -> bool:
    """Whether another device may be better for this camera. `alone`: there are no others."""
    settings, source = stream.settings, stream.supervisor
    if settings.path or settings.source in ("file", "synthetic") or source.kind == "picamera2":
        return False
    return settings.source == "auto" or not (alone or source.online)
