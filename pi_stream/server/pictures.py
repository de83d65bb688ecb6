"""Pictures without our page: a snapshot, and an MJPEG stream for <img>."""

import asyncio
from contextlib import suppress
from typing import Annotated, Literal, NamedTuple
from weakref import WeakKeyDictionary

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from msgspec import Meta, Struct

from pi_stream import clock
from pi_stream.encoders import LOSSY
from pi_stream.errors import EncodingFailed
from pi_stream.frame import Encoding, Packet
from pi_stream.hub.channel import Settings
from pi_stream.hub.subscription import Subscription
from pi_stream.protocol import fit, parse_query
from pi_stream.server.access import address_of
from pi_stream.server.gate import granted
from pi_stream.server.house import HOUSE, House
from pi_stream.server.sockets import abort, keep_little, newest_wins
from pi_stream.server.visits import LOGGED_OUT

_PATIENCE = 10.0  # seconds that a snapshot waits for a frame, or two frames' time where that is longer
_BOUNDARY = "frame"
_NEXT = f"\r\n--{_BOUNDARY}\r\n".encode()


class PictureQuery(Struct, frozen=True):
    """What may be asked of a snapshot and of the MJPEG stream. Other names pass: many add one against caches."""

    width: Annotated[int, Meta(ge=16, le=65535)] | None = None
    quality: Annotated[int, Meta(ge=1, le=100)] | None = None
    fps: Annotated[float, Meta(ge=0.1, le=1000)] | None = None


def _settings(house: House, encoding: Encoding, query: PictureQuery) -> Settings:
    camera = house.config.camera
    quality = (query.quality or house.config.stream.quality) if encoding in LOSSY else 0
    return Settings(encoding, *fit(camera.width, camera.height, query.width), quality)


def _headers(packet: Packet) -> dict[str, str]:
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
    """The newest frame; while there is none, the placard that says why, as 503."""
    house = request.app[HOUSE]
    settings = _settings(house, encoding, parse_query(dict(request.query), PictureQuery))
    with house.snapshot(), house.hub.subscribe(settings) as subscription:
        patience = max(_PATIENCE, 2 / house.config.camera.fps)
        try:
            async with asyncio.timeout(patience):
                packet = await subscription.packet()
        except TimeoutError:
            text = f"no frame within {patience:g} s"
            raise web.HTTPServiceUnavailable(text=text, headers={"Retry-After": "10"}) from None
    return web.Response(
        body=bytes(packet.data),
        content_type=f"image/{encoding}",
        status=503 if packet.offline else 200,
        headers={"Cache-Control": "no-store", **_headers(packet)},
    )


async def stream_mjpg(request: web.Request) -> web.StreamResponse:
    """GET /stream.mjpg: one JPEG after the other, for as long as somebody looks."""
    house = request.app[HOUSE]
    query = parse_query(dict(request.query), PictureQuery)
    response = web.StreamResponse(
        headers={
            "Content-Type": f"multipart/x-mixed-replace; boundary={_BOUNDARY}",
            "Cache-Control": "no-store",
            "Connection": "close",
        }
    )
    if request.version >= HttpVersion11:
        response.enable_chunked_encoding()

    async def close(_code: int, _reason: str) -> None:
        if request.transport is not None:
            abort(request.transport)

    # What can be refused is, before the answer begins.
    with (
        house.place(address_of(request)),
        house.viewers.guest(close),
        house.hub.subscribe(_settings(house, "jpeg", query), fps=query.fps) as subscription,
        # Until it goes away, or no JPEG can be made: a stream that ends is noticed, one that stands still is not.
        suppress(ConnectionError, EncodingFailed),
    ):
        writer, transport = await response.prepare(request), request.transport
        if writer is None or transport is None:
            return response  # it went away while it was answered
        newest_wins(transport)
        keep_little(transport)
        with house.access.visits.visit(granted(house.access), lambda: close(*LOGGED_OUT)):
            await _send_parts(subscription, response, writer, transport)
    return response


async def _send_parts(
    subscription: Subscription, response: web.StreamResponse, writer: AbstractStreamWriter, transport: asyncio.Transport
) -> None:
    await response.write(f"--{_BOUNDARY}\r\n".encode())
    while not transport.is_closing():
        part = _part_of(await subscription.packet())
        if response.chunked:
            transport.write(part.chunk)  # as it is, past aiohttp's own writer, which would copy it twice
        else:
            await response.write(bytes(part.body))
        await writer.drain()  # what waits meanwhile is replaced by what is newer


class _Part(NamedTuple):
    """A picture as a part of the multipart body, and that as a chunk of HTTP/1.1 (RFC 9112, clause 7.1)."""

    chunk: memoryview
    body: memoryview


_parts: WeakKeyDictionary[Packet, _Part] = WeakKeyDictionary()  # each is forgotten with its packet


def _part_of(packet: Packet) -> _Part:
    """The same memory for all who watch."""
    part = _parts.get(packet)
    if part is None:
        head = {"Content-Type": "image/jpeg", "Content-Length": str(len(packet.data)), **_headers(packet)}
        lines = "\r\n".join([*(f"{name}: {value}" for name, value in head.items()), "", ""]).encode()
        # With the boundary that follows it: a browser shows a part when it sees the next boundary, and would
        # otherwise always be one frame behind.
        size = len(lines) + len(packet.data) + len(_NEXT)
        before = b"%x\r\n" % size
        chunk = memoryview(b"".join((before, lines, packet.data, _NEXT, b"\r\n")))
        part = _parts[packet] = _Part(chunk, chunk[len(before) : len(before) + size])
    return part
