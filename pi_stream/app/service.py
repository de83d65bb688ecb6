"""The service: the one room that knows every part, and the order in which they start and stop.

A frame's way through it: the overlay draws on it where it was captured, `Camera` hands it to `show`, and the hub takes
it over; a channel of the hub has it encoded; the server's viewers get the packet.
"""

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from pi_stream import protocol
from pi_stream.app import uncaught
from pi_stream.app.maintenance import Maintenance, longest_silence_s
from pi_stream.auth import store
from pi_stream.captions.store import CaptionStore
from pi_stream.config.settings import CameraSettings, Config
from pi_stream.encoders import ENCODERS, JPEG_BY
from pi_stream.health import doctor_report, next_steps
from pi_stream.hub import Hub
from pi_stream.lib import clock, heap, machine_stats
from pi_stream.media.frame import Frame
from pi_stream.overlay import Overlay, offline_picture
from pi_stream.overlay.text_picture import picture_of_text
from pi_stream.server.app import Server
from pi_stream.server.connection.socket_buffers import Stalls
from pi_stream.server.context import AppContext
from pi_stream.server.security.access import Access
from pi_stream.server.security.host_names import names_of
from pi_stream.server.security.local_addresses import certified
from pi_stream.server.websocket.viewers import Viewers
from pi_stream.sources import Choice, chosen, open_source
from pi_stream.sources.capture_thread import CaptureThread
from pi_stream.sources.supervisor import SourceSupervisor
from pi_stream.systemd import Notify, Watchdog

if TYPE_CHECKING:
    from pi_stream.tls.identity import Identity

T = TypeVar("T")

_KEPT = 6  # frames' worth of memory: as many as are on their way at once, in one shape or another
_PATIENCE = 3.0  # seconds that the page waits for a camera that is slow to open


async def serve(
    config: Config,
    *,
    state: Path,
    ready: Callable[[AppContext, Server], None],
    read_again: Callable[[], Config] | None = None,
    listener: socket.socket | None = None,
) -> None:
    """Run until SIGTERM or SIGINT; `ready` is called once, when the page is served.

    On SIGHUP the settings are read with `read_again` and taken over as far as may be; without it, SIGHUP ends the
    process as ever. `listener` is the port, where it is open already. The service manager is told how it goes. Raises
    SettingError, alone or in an exception group, for a setting that cannot be; any other error is a bug.
    """
    heap.keep_free(_KEPT * config.camera.width * config.camera.height * 3 // 2)
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _end, ended, None)
    uncaught.end_on_uncaught(loop, lambda error: _end(ended, error))
    hangup = asyncio.Event()
    if read_again is not None:
        loop.add_signal_handler(signal.SIGHUP, hangup.set)
    notify = Notify.from_environment()
    watchdog = Watchdog.from_environment(notify)
    watchdog.allow(longest_silence_s(config))
    notify.status("opening the source")
    choice = await _unless(ended, chosen(config.camera.source, config.camera.path))
    if choice is None:
        ended.result()
        return
    identity = None if config.tls.mode == "off" else await asyncio.to_thread(_identity, config, state)
    viewers, signs = Viewers(), machine_stats.MachineMonitor()

    def values(frame: Frame) -> Mapping[str, str]:
        """What captions' fields stand for."""
        temperature = signs.latest.temperature_c
        return {
            "fps": f"{camera.fps:.0f}",
            "seq": str(frame.seq),
            "host": socket.gethostname(),
            "viewers": str(len(viewers)),
            "temperature": "?" if temperature is None else f"{temperature:.0f}",
        }

    with ThreadPoolExecutor(config.stream.threads or machine_stats.cores(), thread_name_prefix="encoder") as pool:
        captions = CaptionStore(state / "captions.json")
        async with captions, Hub(ENCODERS, pool) as hub, asyncio.TaskGroup() as tasks:
            line = _Line(captions, hub, values)
            camera = SourceSupervisor(
                **_source(config.camera, choice, line),
                size=(config.camera.width, config.camera.height),
                placard=offline_picture,
                show=line.show,
                watched=hub.watched,
                idle_stop=config.camera.idle_stop,
                alive=watchdog.alive,
                changed=lambda: viewers.tell_all(
                    protocol.SourceNews(online=camera.online, kind=camera.kind, reason=camera.reason)
                ),
            )
            captions.on_change = lambda: viewers.tell_all(protocol.CaptionsNews(captions=captions.all))
            context = AppContext(
                config=config,
                camera=camera,
                captions=captions,
                hub=hub,
                pool=pool,
                encodings=tuple(ENCODERS),
                jpeg=JPEG_BY,
                picture_of_text=picture_of_text,
                fail=lambda error: _end(ended, error),
                www=_www(),
                vitals=signs,
                started=clock.now(),
                stalls=Stalls(config.stream.stall_timeout),
                viewers=viewers,
                checkup=doctor_report.for_service(
                    lambda: context.config,
                    state,
                    lambda: camera.kind == "picamera2" and (camera.online or camera.opening) and not camera.resting,
                    None if identity is None else lambda: identity.certificate,
                ),
                next_steps=next_steps.for_service(camera.describe, open_to_all=config.auth.mode == "open"),
                listener=listener,
                access=Access(config.auth, state / store.NAME),
                identity=identity,
            )
            upkeep = Maintenance(context, notify, watchdog, lambda settings, choice: _source(settings, choice, line))
            tried = tasks.create_task(camera.tried.wait())
            running: list[asyncio.Task[Any]] = [
                tried,
                tasks.create_task(camera.run(), name="camera"),
                tasks.create_task(upkeep.every_second(), name="every second"),
                tasks.create_task(upkeep.take_better_camera(), name="better camera"),
                tasks.create_task(context.lag.run(), name="lag"),
                tasks.create_task(context.access.run(), name="access"),
                *([tasks.create_task(identity.run(), name="identity")] if identity is not None else []),
            ]
            either: set[asyncio.Future[Any]] = {tried, ended}
            await asyncio.wait(either, timeout=_PATIENCE, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                async with Server(context) as server:
                    ready(context, server)
                    running.append(tasks.create_task(server.follow_addresses(), name="addresses"))
                    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)  # opening has limits of its own
                    if not ended.done():
                        heap.freeze()
                        upkeep.tell_ready()
                    if read_again is not None:
                        running.append(tasks.create_task(upkeep.reload_on(hangup, read_again), name="reload"))
                    await asyncio.wait({ended})
                    notify.stopping()
            ended.result()  # raises the bug that ended it, whenever that came
            for task in running:
                task.cancel()


async def _unless(ended: asyncio.Future[None], awaited: Coroutine[Any, Any, T]) -> T | None:
    """What is awaited; None where the service is to end before it comes."""
    task = asyncio.create_task(awaited)
    either: set[asyncio.Future[Any]] = {task, ended}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return None if ended.done() else task.result()
    finally:
        task.cancel()


def _identity(config: Config, state: Path) -> "Identity":
    """With the names that this machine has at the time."""
    from pi_stream.tls.identity import (
        Identity,  # not earlier: its library takes 9 MB of memory, which http does without
    )

    names = names_of(config.server)
    return Identity(config.tls, state, lambda: certified(names.known))


class _Line:
    """The middle of a frame's way: captions are drawn on it, and it goes to the hub."""

    def __init__(self, captions: CaptionStore, hub: Hub, values: Callable[[Frame], Mapping[str, str]]) -> None:
        self._captions = captions
        self._hub = hub
        self._values = values
        self._overlay = Overlay()
        self._pen, self._in_turn = threading.Lock(), asyncio.Lock()
        # Nobody wanted them when they were captured; somebody may, since. Several, for the thread that captures may be
        # done with the next one before the turn of this one comes.
        self._undrawn: WeakSet[Frame] = WeakSet()

    def draw(self, frame: Frame) -> bool:
        """On the source's own thread; on one of asyncio's where that came too early, or there is no source.

        Returns whether anybody wants the frame still.
        """
        if not self._hub.wants(frame):
            self._undrawn.add(frame)
            return False
        with self._pen:
            if drawn := self._captions.all:
                self._overlay.draw(frame, drawn, partial(self._values, frame))
            return not self._hub.encode_ahead(frame)

    def watched(self) -> bool:
        """Whether anybody watches anything. Any thread may ask."""
        return self._hub.watched.is_set()

    async def show(self, frame: Frame) -> None:
        """Hand a frame to whoever watches, in the order of the calls."""
        async with self._in_turn:
            if (frame.offline or frame in self._undrawn) and self._hub.wants(frame):
                await asyncio.to_thread(self.draw, frame)
            self._hub.offer(frame)


def _source(settings: CameraSettings, choice: Choice, line: _Line) -> dict[str, Any]:
    """What `Camera` is given of a source that was chosen."""
    return {
        "kind": choice.kind,
        "facts": {"why": choice.why, "refused": choice.refused},
        "open_source": partial(_capture, settings, choice, line),
    }


def _capture(
    settings: CameraSettings, choice: Choice, line: _Line, seq: Iterator[int], controls: Mapping[str, object]
) -> CaptureThread:
    """The source that was chosen, with its thread; not open yet."""
    return CaptureThread(
        lambda: open_source(
            choice.kind,
            path=choice.path,
            width=settings.width,
            height=settings.height,
            fps=settings.fps,
            rotation=settings.rotation,
            seq=seq,
            stall_timeout=settings.stall_timeout,
        ),
        controls=controls,
        finish=line.draw,
        watched=line.watched,
        stall_timeout=settings.stall_timeout,
    )


def _end(ended: asyncio.Future[None], error: BaseException | None) -> bool:
    """Returns whether it ends for that reason; else it was ending already."""
    if ended.done():
        return False
    if error is None:
        ended.set_result(None)
    else:
        ended.set_exception(error)
    return True


def _www() -> Path:
    """The folder of the page: inside the package once it is installed, beside it in a checkout."""
    package = Path(__file__).parent.parent
    return package / "www" if (package / "www").is_dir() else package.parent / "www"
