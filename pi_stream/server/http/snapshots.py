"""Snapshots, and the queries of snapshots and of the MJPEG stream."""

import asyncio
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta, Struct

from pi_stream.hub.channel import ChannelKey
from pi_stream.media.encodings import ENCODINGS, Encoding
from pi_stream.protocol import fit, parse_query
from pi_stream.server.context import CONTEXT, AppContext, stream_of
from pi_stream.server.http.packet_headers import headers_of
from pi_stream.stream import Stream

_FRAME_TIMEOUT_S = 10.0  # for the next frame, or two frame intervals if they are longer


class PictureQuery(Struct, frozen=True):
    """The query of a snapshot. Other names are ignored: clients often add one to bypass caches."""

    width: Annotated[int, Meta(ge=16, le=65535)] | None = None
    quality: Annotated[int, Meta(ge=1, le=100)] | None = None


class StreamQuery(PictureQuery, frozen=True):
    """The query of the MJPEG stream."""

    fps: Annotated[float, Meta(ge=0.1, le=1000)] | None = None


def channel_of(context: AppContext, stream: Stream, encoding: Encoding, query: PictureQuery) -> ChannelKey:
    """The channel of the picture that a query asks for."""
    camera = stream.settings
    quality = (query.quality or context.config.stream.quality) if ENCODINGS[encoding].lossy else 0
    return ChannelKey(encoding, *fit(camera.width, camera.height, query.width), quality)


async def snapshot_jpg(request: web.Request) -> web.Response:
    """GET /snapshot.jpg"""
    return await _snapshot(request, "jpeg")


async def snapshot_png(request: web.Request) -> web.Response:
    """GET /snapshot.png"""
    return await _snapshot(request, "png")


async def _snapshot(request: web.Request, encoding: Literal["jpeg", "png"]) -> web.Response:
    """The newest frame; if there is none, the offline picture that shows the reason, as 503.

    A resting camera is opened and waited for.
    """
    context, stream = request.app[CONTEXT], stream_of(request)
    channel = channel_of(context, stream, encoding, parse_query(dict(request.query), PictureQuery))
    with context.count_snapshot(), stream.hub.subscribe(channel) as subscription:
        timeout_s = max(_FRAME_TIMEOUT_S, 2 / stream.settings.fps)
        try:
            async with asyncio.timeout(timeout_s):
                packet = await subscription.packet()
                while packet.offline and (stream.supervisor.opening or stream.supervisor.online):
                    packet = await subscription.packet()
        except TimeoutError:
            text = f"no frame within {timeout_s:g} s"
            raise web.HTTPServiceUnavailable(text=text, headers={"Retry-After": "10"}) from None
    return web.Response(
        body=bytes(packet.data),
        content_type=ENCODINGS[encoding].media_type,
        status=503 if packet.offline else 200,
        headers=headers_of(packet),
    )
