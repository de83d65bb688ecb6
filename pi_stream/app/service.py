"""The service: its parts, and the order in which they start and stop. A frame's way through it is `stream`'s."""

import asyncio
import signal
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pi_stream.app.cameras import Cameras
from pi_stream.app.features import Features
from pi_stream.app.heartbeat import Heartbeat
from pi_stream.app.maintenance import Maintenance, longest_silence_s
from pi_stream.app.uncaught import end_on_uncaught
from pi_stream.auth import store
from pi_stream.config.settings import Config
from pi_stream.encoders import ENCODERS, JPEG_BY
from pi_stream.features import FEATURES, LIMITS
from pi_stream.health import doctor_report, next_steps
from pi_stream.hub import ChannelLimit
from pi_stream.lib import clock, heap, machine_stats
from pi_stream.lib.fair_executor import FairExecutor
from pi_stream.overlay.text_picture import picture_of_text
from pi_stream.server.app import Server
from pi_stream.server.connection.socket_buffers import StallDetector
from pi_stream.server.context import AppContext
from pi_stream.server.refusals import RefusalCounter
from pi_stream.server.security.access import Access
from pi_stream.server.security.host_names import names_of
from pi_stream.server.security.local_addresses import certified
from pi_stream.server.websocket.viewers import Viewers
from pi_stream.stream import Events, Streams
from pi_stream.systemd import Notify, Watchdog

if TYPE_CHECKING:
    from pi_stream.tls.identity import Identity

T = TypeVar("T")

_FRAMES_KEPT = 6  # frames' worth of memory for each camera: as many as are on their way at once, in any encoding
_FIRST_OPEN_TIMEOUT_S = 3.0  # the page waits so long for cameras that are slow to open


async def serve(
    config: Config,
    *,
    state: Path,
    ready: Callable[[AppContext, Server], None],
    read_again: Callable[[], Config] | None = None,
    listener: socket.socket | None = None,
) -> None:
    """Run until SIGTERM or SIGINT; `ready` is called once, when the page is served.

    On SIGHUP the settings are read with `read_again` and taken over as far as possible; without it, SIGHUP ends the
    process as it does by default. `state` is the folder of captions and passwords. `listener` is the port, if it is
    open already. The service manager is told how it goes. Raises SettingError, alone or in an exception group, for a
    setting that cannot be used; any other error is a bug.
    """
    sizes = [each.width * each.height * 3 // 2 for each in config.all_cameras.values()]
    heap.keep_free(_FRAMES_KEPT * sum(sizes))
    ending = _Ending()
    hangup = asyncio.Event()
    if read_again is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hangup.set)
    notify = Notify.from_environment()
    watchdog = Watchdog.from_environment(notify)
    watchdog.allow(longest_silence_s(config))
    notify.status("opening the source")
    events, streams, monitor = Events(), Streams(), machine_stats.MachineMonitor()
    viewers = Viewers(events, streams)
    with FairExecutor(config.stream.threads or machine_stats.cores(), "encoder") as pool:
        async with asyncio.TaskGroup() as tasks:
            cameras = Cameras(
                streams,
                tasks,
                state=state,
                pool=pool,
                channels=ChannelLimit(config.limits.channels),
                events=events,
                heartbeat=Heartbeat(watchdog),
                monitor=monitor,
                viewers=lambda: len(viewers),
            )
            specs = await ending.unless(cameras.choose(config.all_cameras))
            if specs is None:
                ending.result()
                return
            identity = None if config.tls.mode == "off" else await asyncio.to_thread(_identity, config, state)
            await cameras.start(config.all_cameras, specs)
            context = AppContext(
                config=config,
                streams=streams,
                events=events,
                channels=cameras.channels,
                pool=pool.share(),
                encodings=tuple(ENCODERS),
                jpeg=JPEG_BY,
                picture_of_text=picture_of_text,
                fail=ending.end,
                www=_www(),
                monitor=monitor,
                started=clock.now(),
                stalls=StallDetector(config.stream.stall_timeout),
                viewers=viewers,
                doctor_reports=doctor_report.for_service(
                    lambda: context.config,
                    state,
                    cameras.hold_libcamera,
                    None if identity is None else lambda: identity.certificate,
                ),
                next_steps=next_steps.for_service(
                    lambda: {stream.name: stream.supervisor.state() for stream in streams.values()},
                    open_to_all=config.auth.mode == "open",
                ),
                listener=listener,
                access=Access(config.auth, state / store.NAME),
                identity=identity,
                refusals=RefusalCounter(LIMITS),
            )
            features = Features(FEATURES, context, tasks)
            context.features = features.all
            await features.check(config)
            features.start()
            maintenance = Maintenance(context, cameras, features, notify, watchdog)
            tried = tasks.create_task(cameras.all_tried(), name="first open")
            running: list[asyncio.Task[Any]] = [
                tried,
                tasks.create_task(maintenance.every_second(), name="every second"),
                tasks.create_task(maintenance.take_better_cameras(), name="better cameras"),
                tasks.create_task(context.lag.run(), name="loop lag"),
                tasks.create_task(context.access.run(), name="access"),
                *([tasks.create_task(identity.run(), name="identity")] if identity is not None else []),
            ]
            await ending.wait_for(tried, seconds=_FIRST_OPEN_TIMEOUT_S)
            if not ending.begun:
                async with Server(context, features.routes) as server:
                    ready(context, server)
                    running.append(tasks.create_task(server.follow_addresses(), name="addresses"))
                    await ending.wait_for(tried)  # opening has time limits of its own
                    if not ending.begun:
                        heap.freeze()
                        maintenance.tell_ready()
                    if read_again is not None:
                        running.append(tasks.create_task(maintenance.reload_on(hangup, read_again), name="reload"))
                    await ending.wait_for()
                    notify.stopping()
            for task in running:
                task.cancel()
            features.stop()
            cameras.stop()
            ending.result()  # raises the bug that ended it, whenever that came


class _Ending:
    """The end of the service: asked for by a signal, or made by a bug that no task raises."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = loop.create_future()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.end, None)
        end_on_uncaught(loop, self.end)

    @property
    def begun(self) -> bool:
        """Whether the service is to end."""
        return self._ended.done()

    def end(self, error: BaseException | None) -> bool:
        """End the service; with an error, for that. Returns whether it was not ending already."""
        if self._ended.done():
            return False
        if error is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(error)
        return True

    def result(self) -> None:
        """Raise the bug that ended it, if any."""
        self._ended.result()

    async def wait_for(self, task: asyncio.Task[Any] | None = None, *, seconds: float | None = None) -> None:
        """Wait for the end, or for this task, or as many seconds."""
        either: set[asyncio.Future[Any]] = {self._ended} if task is None else {self._ended, task}
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    async def unless(self, awaited: Coroutine[Any, Any, T]) -> T | None:
        """The result of `awaited`; None if the service is to end before it comes."""
        task = asyncio.create_task(awaited)
        try:
            await self.wait_for(task)
            return None if self.begun else task.result()
        finally:
            task.cancel()


def _identity(config: Config, state: Path) -> "Identity":
    """With the names that this machine has at the time. Blocks."""
    from pi_stream.tls.identity import (
        Identity,  # not earlier: its library takes 9 MB of memory, which http does without
    )

    names = names_of(config.server)
    return Identity(config.tls, state, lambda: certified(names.known))


def _www() -> Path:
    """The folder of the page: inside the package once it is installed, beside it in a checkout."""
    package = Path(__file__).parent.parent
    return package / "www" if (package / "www").is_dir() else package.parent / "www"
