"""Snapshots, and what may be asked of every picture that goes without our page."""

import asyncio
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta, Struct

from pi_stream.hub.channel import ChannelKey
from pi_stream.lib import clock
from pi_stream.media.encodings import ENCODINGS, Encoding
from pi_stream.media.frame import Packet
from pi_stream.protocol import fit, parse_query
from pi_stream.server.context import CONTEXT, AppContext, stream_of
from pi_stream.stream import Stream

_PATIENCE = 10.0  # seconds that a snapshot waits for a frame, or two frames' time where that is longer


class PictureQuery(Struct, frozen=True):
    """What may be asked of a snapshot and of the MJPEG stream. Other names pass: many add one against caches."""

    width: Annotated[int, Meta(ge=16, le=65535)] | None = None
    quality: Annotated[int, Meta(ge=1, le=100)] | None = None
    fps: Annotated[float, Meta(ge=0.1, le=1000)] | None = None


def settings_of(context: AppContext, stream: Stream, encoding: Encoding, query: PictureQuery) -> ChannelKey:
    """The channel that has the picture which was asked for."""
    camera = stream.settings
    quality = (query.quality or context.config.stream.quality) if ENCODINGS[encoding].lossy else 0
    return ChannelKey(encoding, *fit(camera.width, camera.height, query.width), quality)


def headers_of(packet: Packet) -> dict[str, str]:
    """What a script may want to know of a picture that has no header of ours."""
    return {
        "X-Seq": str(packet.seq),
        "X-Captured": str(packet.captured),
        "X-Age-Ms": f"{(clock.now() - packet.captured) / 1000:.1f}",
    }


async def snapshot_jpg(request: web.Request) -> web.Response:
    """GET /snapshot.jpg"""
    return await _snapshot(request, "jpeg")


async def snapshot_png(request: web.Request) -> web.Response:
    """GET /snapshot.png"""
    return await _snapshot(request, "png")


async def _snapshot(request: web.Request, encoding: Literal["jpeg", "png"]) -> web.Response:
    """The newest frame; while there is none, the placard that says why, as 503.

    A camera that has rested is waited for: nothing is wrong with it.
    """
    context, stream = request.app[CONTEXT], stream_of(request)
    settings = settings_of(context, stream, encoding, parse_query(dict(request.query), PictureQuery))
    with context.snapshot(), stream.hub.subscribe(settings) as subscription:
        patience = max(_PATIENCE, 2 / stream.settings.fps)
        try:
            async with asyncio.timeout(patience):
                packet = await subscription.packet()
                while packet.offline and (stream.supervisor.opening or stream.supervisor.online):
                    packet = await subscription.packet()
        except TimeoutError:
            text = f"no frame within {patience:g} s"
            raise web.HTTPServiceUnavailable(text=text, headers={"Retry-After": "10"}) from None
    return web.Response(
        body=bytes(packet.data),
        content_type=ENCODINGS[encoding].media_type,
        status=503 if packet.offline else 200,
        headers={"Cache-Control": "no-store", **headers_of(packet)},
    )
