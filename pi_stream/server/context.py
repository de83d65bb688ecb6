"""The parts of the service that the server and its handlers use."""

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
from pi_stream.server.connection.socket_buffers import StallDetector
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
    """The parts of a running service. A reload replaces `config`, and nothing else."""

    config: Config
    streams: Streams
    events: Events
    channels: ChannelLimit
    pool: Executor  # for work that would block the event loop
    encodings: tuple[Encoding, ...]
    jpeg: str  # the library that encodes JPEG
    picture_of_text: Callable[[str, TextEncoding, int, int, str, str], bytes]
    fail: Callable[[BaseException], object]  # ends the service because of a bug
    www: Path
    monitor: MachineMonitor
    started: int  # microseconds of the service's clock
    stalls: StallDetector
    viewers: Viewers
    doctor_reports: DoctorReports
    next_steps: Callable[[], list[Step]]
    listener: socket.socket | None = None  # the port, if the service manager has opened it
    access: Access
    identity: "Identity | None" = None  # None without TLS
    lag: LoopLag = field(default_factory=LoopLag)
    refusals: RefusalCounter = field(default_factory=RefusalCounter)
    features: Mapping[str, ShownFeature] = field(default_factory=dict)  # by the name of its section
    changes: RateCounters = field(default_factory=RateCounters)  # by network
    snapshots: int = 0  # in progress
    texts: asyncio.Lock = field(
        default_factory=asyncio.Lock
    )  # one is drawn at a time, so that a thread is left for frames
    messages: PacketForms[FrameMessage] = field(default_factory=lambda: PacketForms(frame_message))
    parts: PacketForms[MjpegPart] = field(default_factory=lambda: PacketForms(mjpeg_part))
    connections: Connections = field(init=False)

    def __post_init__(self) -> None:
        """Create the parts that need the others."""
        self.connections = Connections(lambda: self.config.limits, self.refusals, self.stalls)
        self.set_limits()

    def set_limits(self) -> None:
        """Apply the limits of the settings that are in force."""
        limits = self.config.limits
        for stream in self.streams.values():
            stream.captions.limit, stream.captions.longest = self.config.overlay.max_captions, limits.caption_text
        self.channels.most = limits.channels
        self.access.throttle.free = limits.login_tries
        self.stalls.timeout = self.config.stream.stall_timeout

    @contextmanager
    def count_viewer(self, address: str) -> Iterator[None]:
        """Count a viewer at this address while the block runs. Raises LimitReached."""
        if self.viewers.count >= self.config.stream.max_viewers:
            raise LimitReached(
                f"{self.viewers.count} viewers are connected, as many as stream.max_viewers allows",
                limit="stream.max_viewers",
            )
        network, limit = client_network(address), self.config.stream.max_per_address
        if self.viewers.by_address[network] >= limit:
            raise LimitReached(
                f"{limit} viewers are connected from {network}, as many as stream.max_per_address allows",
                limit="stream.max_per_address",
                theirs=True,
            )
        self.viewers.by_address[network] += 1
        try:
            yield
        finally:
            self.viewers.by_address[network] -= 1
            self.viewers.by_address += Counter()  # removes zero counts

    @contextmanager
    def count_snapshot(self) -> Iterator[None]:
        """Count a snapshot while the block runs. Raises LimitReached."""
        if self.snapshots >= (limit := self.config.limits.snapshots):
            raise LimitReached(
                f"{limit} snapshots are being made, as many as limits.snapshots allows",
                limit="limits.snapshots",
                wait=1,
            )
        self.snapshots += 1
        try:
            yield
        finally:
            self.snapshots -= 1

    def count_change(self, address: str) -> None:
        """Count a change that other viewers notice, from this address. Raises LimitReached if there are too many."""
        now, limit = clock.now(), self.config.limits.changes
        counter = self.changes.counter(client_network(address))
        if counter.count(now) > limit:
            raise LimitReached(
                f"more than {limit} changes in {SPAN_US // 1_000_000} seconds came from {client_network(address)}, "
                "which is more than limits.changes allows",
                limit="limits.changes",
                wait=counter.seconds_left(now),
                theirs=True,
            )


CONTEXT = web.AppKey("context", AppContext)


def stream_of(request: web.Request) -> Stream:
    """The camera that the path of a request names, or the first one if it names none. Raises NotFound."""
    streams = request.app[CONTEXT].streams
    name = request.match_info.get("camera")
    return streams.first if name is None else streams[name]
