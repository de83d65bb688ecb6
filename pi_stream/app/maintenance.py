"""What goes on beside the frames while the service runs: status for viewers and systemd, reloads, better cameras."""

import asyncio
import logging
import time
from collections.abc import Callable

from pi_stream.app.cameras import Cameras
from pi_stream.app.features import Features
from pi_stream.config.reload import change
from pi_stream.config.settings import Config
from pi_stream.errors import SettingError, used_up
from pi_stream.features import NEED_RESTART
from pi_stream.lib import clock, heap
from pi_stream.server.context import AppContext
from pi_stream.sources import camera_nodes, libcamera_is_asked
from pi_stream.systemd import Notify, Watchdog, status_line

log = logging.getLogger(__name__)

# Seconds after stall_timeout until a source is closed or this process ends: half of one for a source that says itself
# what is wrong, two for closing, one to spare.
_RECOVERY_S = 3.5

_LOOK_PERIOD_S = 2.0  # between two looks at the device nodes of cameras
_LOOKS_WITHOUT_DEVICE = 8  # from one to the next for a camera that could not have a device
_LOOKS = 5  # after a change of the nodes: the parts of a camera come one by one, and the right to open them comes last


def longest_silence_s(config: Config) -> float:
    """Seconds for which a healthy service may show no frame: until a stalled source is closed and opened again."""
    return max(max(each.stall_timeout, 2 / each.fps) for each in config.all_cameras.values()) + _RECOVERY_S


class Maintenance:
    """What the service does once a second, at a reload, and when a camera is plugged in."""

    def __init__(
        self, context: AppContext, cameras: Cameras, features: Features, notify: Notify, watchdog: Watchdog
    ) -> None:
        self._context = context
        self._cameras = cameras
        self._features = features
        self._notify = notify
        self._watchdog = watchdog
        self._choosing = asyncio.Lock()  # two that choose at once could give one device to two cameras

    async def every_second(self) -> None:
        """Tell viewers and service manager how it goes, close connections that read nothing, follow the time zone.

        Until cancelled.
        """
        context = self._context
        trimming = heap.TrimSchedule(lambda: self._cameras.closed + context.viewers.left)
        while True:
            await asyncio.sleep(1)
            time.tzset()  # looks whether the time zone of the machine has changed, which nothing else does: 12 µs
            context.viewers.send_stats(context.monitor.read())
            context.stalls.sweep(clock.now())
            context.connections.sweep(clock.now())
            if trimming.due(clock.now()):
                await asyncio.to_thread(heap.trim)
            if all(stream.supervisor.tried.is_set() for stream in context.streams.values()):
                self._notify.status(self._status())

    def tell_ready(self) -> None:
        """The service manager may count on the service, from the start or again."""
        self._notify.status(self._status())
        self._notify.ready()

    async def reload_on(self, hangup: asyncio.Event, read_again: Callable[[], Config]) -> None:
        """Take over changed settings whenever `hangup` is set; wrong ones change nothing. Until cancelled."""
        while True:
            await hangup.wait()
            hangup.clear()
            self._notify.reloading()
            try:
                read = await asyncio.to_thread(read_again)
                async with self._choosing:
                    self._notify.note = await self._take_over(read)
            except SettingError as error:
                log.error("the settings stay as they were: %s", error)
                self._notify.note = f"settings not reloaded: {error}"
            self._watchdog.allow(longest_silence_s(self._context.config))
            self.tell_ready()

    async def take_better_cameras(self) -> None:
        """With source "auto", change to a better device than there was so far as soon as it comes; until cancelled.

        The service may start before the machine has found its cameras, and a webcam may be plugged in later. What
        libcamera answers too late is looked at, too.
        """
        known, looks = (list[str](), False), 0
        while True:
            try:
                there = (camera_nodes(), libcamera_is_asked())
                looks = _LOOKS if there != known else looks - 1
                known = there
                if looks > 0:
                    await self._take_better_cameras()
                elif looks % _LOOKS_WITHOUT_DEVICE == 0:
                    await self._take_better_cameras(only_unavailable=True)
            except OSError as error:
                if not used_up(error):
                    raise
                log.warning("no camera can be looked for: %s", error.strerror)
            await asyncio.sleep(_LOOK_PERIOD_S)

    async def _take_better_cameras(self, *, only_unavailable: bool = False) -> None:
        async with self._choosing:
            await self._cameras.take_better(only_unavailable=only_unavailable)

    async def _take_over(self, wanted: Config) -> str:
        """Put settings in force, as far as that can be while viewers stay; returns what a person should know of it.

        Raises SettingError, and all is as it was, if a wanted source or certificate cannot be used.
        """
        context = self._context
        changed = change(context.config, wanted, NEED_RESTART)
        opens = {name: changed.config.all_cameras[name] for name in (*changed.reopened, *changed.added)}
        specs = await self._cameras.choose(opens, changed)
        await self._features.check(changed.config)
        if context.identity is not None:  # its files may be others under the same names
            await asyncio.to_thread(context.identity.reload, changed.config.tls)
        context.config = changed.config
        gone = [context.streams[name] for name in changed.removed]
        await self._cameras.take_over(changed, specs)
        for stream in gone:
            await context.viewers.close_camera(stream, 1001, f"the camera {stream.name} was removed from the settings")
        context.doctor_reports.discard()
        context.set_limits()
        await self._features.take_over(changed.taken)
        if changed.touches("stream.quality") or any(name.endswith(".fps") for name in changed.taken):
            context.viewers.watch_again()
        log.info("settings reloaded; changed: %s", ", ".join(sorted(changed.taken)) or "none")
        for name in changed.waiting:
            log.warning("%s: needs a restart", name)
        return f"needs a restart: {', '.join(changed.waiting)}" if changed.waiting else ""

    def _status(self) -> str:
        """One camera: its own line; several: a line each, after its name."""
        streams = self._context.streams
        lines = []
        for stream in streams.values():
            source = stream.supervisor
            line = status_line(
                name=source.name,
                online=source.online,
                resting=source.resting,
                fps=source.fps,
                reason=source.reason,
                viewers=self._context.viewers.count if len(streams) == 1 else self._context.viewers.count_of(stream),
            )
            lines.append(line if len(streams) == 1 else f"{stream.name}: {line}")
        return "; ".join(lines)
