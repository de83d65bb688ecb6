"""What the web server is given: the parts of the service that it shows, and the few things it may ask of them."""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from aiohttp import web
from msgspec import Struct

from pi_stream.auth.throttle import client_network
from pi_stream.config.settings import Config
from pi_stream.errors import LimitReached
from pi_stream.health.doctor_report import DoctorReports
from pi_stream.health.next_steps import Step
from pi_stream.hub import ChannelLimit
from pi_stream.lib import clock
from pi_stream.lib.loop_lag import LoopLag
from pi_stream.lib.machine_stats import MachineMonitor
from pi_stream.lib.rate_limit import SPAN_US, RateCounters
from pi_stream.media.encodings import Encoding
from pi_stream.server.connection.connections import Connections
from pi_stream.server.connection.socket_buffers import Stalls
from pi_stream.server.http.mjpeg_part import MjpegPart, mjpeg_part
from pi_stream.server.packet_forms import PacketForms
from pi_stream.server.refusals import RefusalCounter
from pi_stream.server.security.access import Access
from pi_stream.server.websocket.frame_message import FrameMessage, frame_message
from pi_stream.server.websocket.viewers import Viewers
from pi_stream.stream import Events, Stream, Streams

if TYPE_CHECKING:
    from pi_stream.server.http.metrics import Metric
    from pi_stream.tls.identity import Identity

TextEncoding = Literal["rgba", "png", "jpeg"]


class ShownFeature(Protocol):
    """What the web server shows of a feature; see `pi_stream.features.feature`."""

    def metrics(self) -> "Iterable[Metric]":
        """Its rows of /metrics."""

    def status(self) -> Struct | None:
        """Its part of /api/status."""


@dataclass(kw_only=True)
class AppContext:
    """The parts of a running service. All stay, but for the settings, which a reload replaces."""

    config: Config
    streams: Streams
    events: Events
    channels: ChannelLimit
    pool: Executor  # for work that would hold up the event loop
    encodings: tuple[Encoding, ...]
    jpeg: str  # which library makes JPEGs
    picture_of_text: Callable[[str, TextEncoding, int, int, str, str], bytes]
    fail: Callable[[BaseException], object]  # a bug was met: end the service
    www: Path
    vitals: MachineMonitor
    started: int  # microseconds of the server's clock
    stalls: Stalls
    viewers: Viewers
    checkup: DoctorReports
    next_steps: Callable[[], list[Step]]
    listener: socket.socket | None = None  # the port, where somebody else has opened it
    access: Access
    identity: "Identity | None" = None  # over http there is none to show
    lag: LoopLag = field(default_factory=LoopLag)
    refusals: RefusalCounter = field(default_factory=RefusalCounter)
    features: Mapping[str, ShownFeature] = field(default_factory=dict)  # by the name of its section
    changes: RateCounters = field(default_factory=RateCounters)  # by address
    snapshots: int = 0  # that are being made
    texts: asyncio.Lock = field(default_factory=asyncio.Lock)  # one is drawn at a time, so that frames find a thread
    messages: PacketForms[FrameMessage] = field(default_factory=lambda: PacketForms(frame_message))
    parts: PacketForms[MjpegPart] = field(default_factory=lambda: PacketForms(mjpeg_part))
    connections: Connections = field(init=False)

    def __post_init__(self) -> None:
        """Keep the connections by whatever the settings are."""
        self.connections = Connections(lambda: self.config.limits, self.refusals, self.stalls)
        self.set_limits()

    def set_limits(self) -> None:
        """Tell the parts of the limits that are in the settings now."""
        limits = self.config.limits
        for stream in self.streams.values():
            stream.captions.limit, stream.captions.longest = self.config.overlay.max_captions, limits.caption_text
        self.channels.most = limits.channels
        self.access.throttle.free = limits.login_tries
        self.stalls.timeout = self.config.stream.stall_timeout

    @contextmanager
    def place(self, address: str) -> Iterator[None]:
        """Count one more viewer from that address while the block runs. Raises LimitReached."""
        if self.viewers.count >= self.config.stream.max_viewers:
            raise LimitReached(
                f"{self.viewers.count} viewers are connected, as many as stream.max_viewers allows",
                limit="stream.max_viewers",
            )
        who, most = client_network(address), self.config.stream.max_per_address
        if self.viewers.by_address[who] >= most:
            raise LimitReached(
                f"{most} viewers are connected from {who}, as many as stream.max_per_address allows",
                limit="stream.max_per_address",
                theirs=True,
            )
        self.viewers.by_address[who] += 1
        try:
            yield
        finally:
            self.viewers.by_address[who] -= 1
            self.viewers.by_address += Counter()  # drops those of which there are none

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Count one more snapshot while the block runs. Raises LimitReached."""
        if self.snapshots >= (most := self.config.limits.snapshots):
            raise LimitReached(
                f"{most} snapshots are being made, as many as limits.snapshots allows",
                limit="limits.snapshots",
                wait=1,
            )
        self.snapshots += 1
        try:
            yield
        finally:
            self.snapshots -= 1

    def change(self, address: str) -> None:
        """Somebody there changes what others notice. Raises LimitReached when that is too often."""
        now, most = clock.now(), self.config.limits.changes
        tally = self.changes.counter(client_network(address))
        if tally.count(now) > most:
            raise LimitReached(
                f"more than {most} changes in {SPAN_US // 1_000_000} seconds came from {client_network(address)}, "
                "which is more than limits.changes allows",
                limit="limits.changes",
                wait=tally.seconds_left(now),
                theirs=True,
            )


CONTEXT = web.AppKey("context", AppContext)


def stream_of(request: web.Request) -> Stream:
    """The camera that a request is about: the one that its path names, else the first. Raises NotFound."""
    streams = request.app[CONTEXT].streams
    name = request.match_info.get("camera")
    return streams.first if name is None else streams[name]
