"""What goes on beside the frames while the service runs: how it fares is told, and changed settings are taken over."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from pi_stream.config.reload import OPENS_AGAIN, change
from pi_stream.config.settings import CameraSettings, Config
from pi_stream.errors import SettingError, used_up
from pi_stream.lib import clock, heap
from pi_stream.server.context import AppContext
from pi_stream.sources import Choice, camera_nodes, chosen, is_better, looking
from pi_stream.systemd import Notify, Watchdog, status_line

log = logging.getLogger(__name__)

# Seconds after stall_timeout until a source is closed or this process ended: half of one for a source that says itself
# what is wrong, two for closing, one to spare.
_RECOVERY = 3.5

_LOOK = 2.0  # seconds between two looks at what cameras are made of
_LOOKS = 5  # with which a new camera is found: its parts come one by one, and the right to open them comes last


def longest_silence_s(config: Config) -> float:
    """Seconds for which a healthy service may show no frame: until a stalled source is closed and opened again."""
    return max(config.camera.stall_timeout, 2 / config.camera.fps) + _RECOVERY


class Maintenance:
    """`source` makes what `Camera.replace` is given, of settings and what was chosen by them."""

    def __init__(
        self,
        context: AppContext,
        notify: Notify,
        watchdog: Watchdog,
        source: Callable[[CameraSettings, Choice], dict[str, Any]],
    ) -> None:
        self._context = context
        self._notify = notify
        self._watchdog = watchdog
        self._source = source

    async def every_second(self) -> None:
        """Tell viewers and service manager how it goes, let go of who reads nothing, and keep to the time zone.

        Until cancelled.
        """
        context = self._context
        trimming = heap.TrimSchedule(lambda: context.hub.ended + context.viewers.left + context.camera.closed)
        while True:
            await asyncio.sleep(1)
            time.tzset()  # looks whether the machine's time zone is another now, which nothing else does: 12 µs
            context.viewers.tell_stats(context.vitals.read())
            context.stalls.sweep(clock.now())
            context.connections.sweep(clock.now())
            if trimming.due(clock.now()):
                await asyncio.to_thread(heap.trim)
            if context.camera.tried.is_set():
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
                self._notify.note = await self._take_over(await asyncio.to_thread(read_again))
            except SettingError as error:
                log.error("the settings stay as they were: %s", error)
                self._notify.note = f"settings not reloaded: {error}"
            self._watchdog.allow(longest_silence_s(self._context.config))
            self.tell_ready()

    async def take_better_camera(self) -> None:
        """With source "auto", change to a better camera than there was so far as soon as it comes; until cancelled.

        The service may be there before the machine has found its cameras, and a webcam is plugged in when it is.
        What libcamera says too late is looked at, too.
        """
        known, looks = (list[str](), False), 0
        while True:
            try:
                there = (camera_nodes(), looking())
                looks = _LOOKS if there != known else looks - 1
                known = there
                if looks > 0:
                    await self._look_for_better_camera()
            except OSError as error:
                if not used_up(error):
                    raise
                log.warning("no camera can be looked for: %s", error.strerror)
            await asyncio.sleep(_LOOK)

    async def _look_for_better_camera(self) -> None:
        context = self._context
        settings = context.config.camera
        if settings.source == "auto" and not settings.path and context.camera.kind != "picamera2":
            choice = await chosen("auto")
            if context.config.camera is settings and is_better(choice.kind, context.camera.kind):
                log.info("a better camera than %s came: %s", context.camera.kind, choice.why)
                context.camera.replace(**self._source(settings, choice), reason="a camera came, and it is opened")

    async def _take_over(self, wanted: Config) -> str:
        """Put settings in force, as far as that can be while viewers stay; what a person should know of it.

        Raises SettingError, and all is as it was, when the source or the certificate that is wanted cannot be.
        """
        context = self._context
        changed = change(context.config, wanted)
        camera = changed.config.camera
        reopens = changed.touches(*OPENS_AGAIN)
        choice = await chosen(camera.source, camera.path) if reopens else None
        if context.identity is not None:  # its files may be others under the same names
            await asyncio.to_thread(context.identity.read_again, changed.config.tls)
        if choice is not None:
            context.camera.replace(**self._source(camera, choice))
        context.config = changed.config
        context.checkup.discard()
        context.camera.idle_stop = camera.idle_stop
        context.set_limits()
        if changed.touches("camera.fps", "stream.quality"):
            context.viewers.watch_again()
        log.info("settings reloaded; changed: %s", ", ".join(sorted(changed.taken)) or "none")
        for name in changed.waiting:
            log.warning("%s: needs a restart", name)
        return f"needs a restart: {', '.join(changed.waiting)}" if changed.waiting else ""

    def _status(self) -> str:
        camera = self._context.camera
        return status_line(
            name=camera.name,
            online=camera.online,
            resting=camera.resting,
            fps=camera.fps,
            reason=camera.reason,
            viewers=self._context.viewers.count,
        )
