"""/stream.mjpg: one JPEG after the other, for an <img> and whatever else knows no websocket."""

import asyncio
from contextlib import suppress
from typing import NamedTuple

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

from pi_stream.hub.subscription import Subscription
from pi_stream.media.frame import Packet
from pi_stream.protocol import parse_query
from pi_stream.server.connection.socket_buffers import abort, keep_little, newest_wins
from pi_stream.server.context import CONTEXT, stream_of
from pi_stream.server.http.snapshots import StreamQuery, channel_of, headers_of
from pi_stream.server.security.access import address_of
from pi_stream.server.security.authorize import current_grant
from pi_stream.server.security.live_sessions import LOGGED_OUT

_BOUNDARY = "frame"
_FIRST = f"--{_BOUNDARY}\r\n".encode()
_NEXT = b"\r\n" + _FIRST


async def stream_mjpg(request: web.Request) -> web.StreamResponse:
    """GET /stream.mjpg: for as long as somebody looks."""
    context = request.app[CONTEXT]
    query = parse_query(dict(request.query), StreamQuery)
    response = web.StreamResponse(
        headers={
            "Content-Type": f"multipart/x-mixed-replace; boundary={_BOUNDARY}",
            "Connection": "close",
        }
    )
    if request.version >= HttpVersion11:
        response.enable_chunked_encoding()
    viewer = _Viewer(chunked=response.chunked)

    async def close(_code: int, _reason: str) -> None:
        if request.transport is not None:
            abort(request.transport)
        viewer.look()

    stream = stream_of(request)
    channel = channel_of(context, stream, "jpeg", query)
    # What can be refused is, before the answer begins.
    with (
        context.place(address_of(request)),
        context.viewers.guest(stream, close),
        stream.hub.subscribe(
            channel, fps=query.fps, arrived=viewer.go_on, failing=lambda _: viewer.look()
        ) as subscription,
        suppress(ConnectionError),
    ):
        writer, transport = await response.prepare(request), request.transport
        if writer is None or transport is None:
            return response  # it went away while it was answered
        newest_wins(transport)
        keep_little(transport)
        with context.access.live_sessions.visit(current_grant(context.access), lambda: close(*LOGGED_OUT)):
            await response.write(_FIRST)
            await viewer.run(subscription, writer, transport)
    return response


class _Viewer:
    """Is sent parts as packets come, past aiohttp's own writer, which would copy them: no task is woken for each."""

    def __init__(self, *, chunked: bool) -> None:
        self._chunked = chunked
        self._subscription: Subscription | None = None
        self._transport: asyncio.Transport | None = None
        self._look = asyncio.Event()  # set: there is something that only `run` can do

    async def run(self, subscription: Subscription, writer: AbstractStreamWriter, transport: asyncio.Transport) -> None:
        """Until it goes away, or no JPEG can be made: a stream that ends is noticed, one that stands still is not.

        Raises ConnectionError.
        """
        self._subscription, self._transport = subscription, transport
        while not transport.is_closing() and subscription.failure is None:
            self._look.clear()  # first: what changes while this waits is to be seen
            await writer.drain()  # and what comes is replaced by what is newer
            self.go_on()
            await self._look.wait()

    def look(self) -> None:
        """Have `run` see what has changed."""
        self._look.set()

    def go_on(self) -> None:
        """Send the packet that waits, unless the last one is ahead of it. To be called when a packet came."""
        transport, subscription = self._transport, self._subscription
        if transport is None or subscription is None:
            return  # its answer has not begun
        if not transport.is_closing() and not transport.get_write_buffer_size():
            packet = subscription.slot.poll()
            if packet is None:
                return
            part = _part_of(packet)
            transport.write(part.chunk if self._chunked else part.body)
            if not transport.get_write_buffer_size():
                return
        self.look()


class _Part(NamedTuple):
    """A picture as a part of the multipart body, and that as a chunk of HTTP/1.1 (RFC 9112, clause 7.1)."""

    chunk: memoryview
    body: memoryview


def _part_of(packet: Packet) -> _Part:
    """The same memory for all who watch."""
    part = packet.forms.get(_Part)
    if not isinstance(part, _Part):
        head = {"Content-Type": "image/jpeg", "Content-Length": str(len(packet.data)), **headers_of(packet)}
        lines = "\r\n".join([*(f"{name}: {value}" for name, value in head.items()), "", ""]).encode()
        # With the boundary that follows it: a browser shows a part when it sees the next boundary, and would
        # otherwise always be one frame behind.
        size = len(lines) + len(packet.data) + len(_NEXT)
        before = b"%x\r\n" % size
        chunk = memoryview(b"".join((before, lines, packet.data, _NEXT, b"\r\n")))
        part = packet.forms[_Part] = _Part(chunk, chunk[len(before) : len(before) + size])
    return part
