"""The state of the service: for monitoring, scripts, dashboards and the page."""

from typing import Any

from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from pi_stream import __version__
from pi_stream.health.next_steps import Step
from pi_stream.lib import clock
from pi_stream.lib.machine_stats import MachineStats
from pi_stream.media.source_state import SourceState
from pi_stream.protocol import CameraInfo
from pi_stream.server.context import CONTEXT, stream_of
from pi_stream.server.http.json_response import json_response
from pi_stream.stream import Stream


class CameraHealth(Struct, frozen=True, kw_only=True):
    """Whether frames of a camera flow in all encodings that are watched, and why not. `fps`: frames per second."""

    name: str
    ok: bool
    source: str
    fps: float
    reason: str | None

    @classmethod
    def of(cls, stream: Stream) -> "CameraHealth":
        """The health of this camera now."""
        source, fault = stream.supervisor, stream.fault
        ok = source.online and fault is None
        return cls(name=stream.name, ok=ok, source=source.kind, fps=round(source.fps, 1), reason=fault)


class Health(Struct, frozen=True, kw_only=True):
    """`ok` if it is so for every camera. `source` and `fps` are the first camera's; `reason` names each that is not ok.

    `cameras` is missing if the answer is about one camera.
    """

    ok: bool
    source: str
    fps: float
    reason: str | None
    cameras: tuple[CameraHealth, ...] | UnsetType = UNSET


class CameraList(Struct, frozen=True):
    """Every camera, in the order of the settings."""

    cameras: tuple[CameraInfo, ...]


class ChannelStatus(Struct, frozen=True, kw_only=True):
    """One encoding that is watched. `quality` is null if it is lossless; counts are frames; `encode_ms` is the time of
    one encode in milliseconds.
    """

    encoding: str
    width: int
    height: int
    quality: int | None
    subscriptions: int
    encoded: int
    dropped: int
    failed: int
    encode_ms: float


class CameraStatus(Struct, frozen=True, kw_only=True):
    """One camera. `captions`: how many there are."""

    name: str
    source: SourceState
    captions: int
    channels: tuple[ChannelStatus, ...]

    @classmethod
    def of(cls, stream: Stream) -> "CameraStatus":
        """The status of this camera now."""
        channels = tuple(
            ChannelStatus(
                encoding=channel.settings.encoding,
                width=channel.settings.width,
                height=channel.settings.height,
                quality=channel.settings.quality or None,
                subscriptions=len(channel.subscriptions),
                encoded=channel.encoded,
                dropped=channel.dropped,
                failed=channel.failing.count,
                encode_ms=round(channel.encode_us / 1000, 2),
            )
            for channel in stream.hub.channels
        )
        source, captions = stream.supervisor.state(), len(stream.captions.all)
        return cls(name=stream.name, source=source, captions=captions, channels=channels)


class ViewerStatus(Struct, frozen=True):
    """One viewer. `dropped`: frames that it was not sent; `watching`: such as "jpeg 1280x720 q80", null for nothing."""

    id: str
    name: str
    camera: str
    dropped: int
    watching: str | None


class Status(Struct, frozen=True, kw_only=True):
    """The service, the camera of the request's path (`source`, `captions`, `channels`), and all cameras.

    `uptime_s`: seconds since the start. `jpeg`: the library that encodes JPEG. `vitals`: CPU in percent of one core,
    memory in MiB, temperature in degrees Celsius. `features`: what each says of itself, by the name of its section.
    """

    version: str
    uptime_s: float
    jpeg: str
    source: SourceState
    captions: int
    channels: tuple[ChannelStatus, ...]
    cameras: tuple[CameraStatus, ...]
    viewers: tuple[ViewerStatus, ...]
    vitals: MachineStats
    features: dict[str, Any]  # of a type of its own each; the features are above this layer


class NextSteps(Struct, frozen=True):
    """What is left to set up on a new appliance; empty if it is none."""

    steps: list[Step]


async def healthz(request: web.Request) -> web.Response:
    """GET /healthz: 200 while frames flow, 503 with the reason while they do not, even in one encoding alone.

    Without the name of a camera: 200 only if every camera is well; the reason names those that are not.
    """
    streams = request.app[CONTEXT].streams
    asked = list(streams.values()) if "camera" not in request.match_info else [stream_of(request)]
    first, *others = states = tuple(CameraHealth.of(stream) for stream in asked)
    ok = all(state.ok for state in states)
    reason = first.reason
    if others:
        reason = "; ".join(f"{state.name}: {state.reason}" for state in states if not state.ok) or None
    cameras = states if others else UNSET
    answer = Health(ok=ok, source=first.source, fps=first.fps, reason=reason, cameras=cameras)
    return json_response(answer, 200 if ok else 503)


async def cameras(request: web.Request) -> web.Response:
    """GET /api/cameras"""
    return json_response(CameraList(request.app[CONTEXT].streams.infos()))


async def status(request: web.Request) -> web.Response:
    """GET /api/status"""
    context = request.app[CONTEXT]
    camera = CameraStatus.of(stream_of(request))
    viewers = (
        ViewerStatus(each.id, each.name, each.stream.name, each.dropped, each.watching) for each in context.viewers
    )
    return json_response(
        Status(
            version=__version__,
            uptime_s=round((clock.now() - context.started) / 1e6, 1),
            jpeg=context.jpeg,
            source=camera.source,
            captions=camera.captions,
            channels=camera.channels,
            cameras=tuple(CameraStatus.of(stream) for stream in context.streams.values()),
            viewers=tuple(viewers),
            vitals=context.monitor.latest,
            features={name: part for name, each in context.features.items() if (part := each.status()) is not None},
        )
    )


async def doctor(request: web.Request) -> web.Response:
    """GET /api/doctor: the report of `pi-stream doctor` about this service, at most 10 seconds old."""
    return json_response(await request.app[CONTEXT].doctor_reports.report())


async def next_steps(request: web.Request) -> web.Response:
    """GET /api/next"""
    return json_response(NextSteps(request.app[CONTEXT].next_steps()))
