"""/stream.mjpg: one JPEG after the other, for <img> and for programs that have no websocket."""

import asyncio
from contextlib import suppress

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

from pi_stream.hub.subscription import Subscription
from pi_stream.protocol import parse_query
from pi_stream.server.connection.socket_buffers import abort, limit_send_buffer, pause_until_sent
from pi_stream.server.context import CONTEXT, stream_of
from pi_stream.server.http.mjpeg_part import BOUNDARY, FIRST_BOUNDARY, MjpegPart
from pi_stream.server.http.snapshots import StreamQuery, channel_of
from pi_stream.server.packet_forms import NewestForm
from pi_stream.server.security.access import address_of
from pi_stream.server.security.authorize import current_grant
from pi_stream.server.security.live_sessions import LOGGED_OUT


async def stream_mjpg(request: web.Request) -> web.StreamResponse:
    """GET /stream.mjpg: until the client disconnects."""
    context = request.app[CONTEXT]
    query = parse_query(dict(request.query), StreamQuery)
    response = web.StreamResponse(
        headers={"Content-Type": f"multipart/x-mixed-replace; boundary={BOUNDARY}", "Connection": "close"}
    )
    if request.version >= HttpVersion11:
        response.enable_chunked_encoding()
    stream = stream_of(request)
    channel = channel_of(context, stream, "jpeg", query)
    with context.parts.using(stream.hub, channel) as parts:
        viewer = _Viewer(parts, chunked=response.chunked)

        async def close(_code: int, _reason: str) -> None:
            if request.transport is not None:
                abort(request.transport)
            viewer.wake()

        # All that can be refused is refused before the response begins.
        with (
            context.count_viewer(address_of(request)),
            context.viewers.guest(stream, close),
            stream.hub.subscribe(
                channel, fps=query.fps, arrived=viewer.go_on, failing=lambda _: viewer.wake()
            ) as subscription,
            suppress(ConnectionError),
        ):
            writer, transport = await response.prepare(request), request.transport
            if writer is None or transport is None:
                return response  # the client has disconnected
            pause_until_sent(transport)
            limit_send_buffer(transport)
            with context.access.live_sessions.hold(current_grant(context.access), lambda: close(*LOGGED_OUT)):
                await response.write(FIRST_BOUNDARY)
                await viewer.run(subscription, writer, transport)
    return response


class _Viewer:
    """Sends parts as packets arrive, past aiohttp's writer, which would copy them and wake a task for each."""

    def __init__(self, parts: NewestForm[MjpegPart], *, chunked: bool) -> None:
        self._parts = parts
        self._chunked = chunked
        self._subscription: Subscription | None = None
        self._transport: asyncio.Transport | None = None
        self._woken = asyncio.Event()  # set: there is something that only `run` can do

    async def run(self, subscription: Subscription, writer: AbstractStreamWriter, transport: asyncio.Transport) -> None:
        """Send until the client disconnects, or until encoding fails: clients notice a stream that ends.

        Raises ConnectionError.
        """
        self._subscription, self._transport = subscription, transport
        while not transport.is_closing() and subscription.failure is None:
            self._woken.clear()  # first: a change while this waits must be seen
            await writer.drain()  # meanwhile, newer packets replace those that wait
            self.go_on()
            await self._woken.wait()

    def wake(self) -> None:
        """Have `run` look at what has changed."""
        self._woken.set()

    def go_on(self) -> None:
        """Send the packet that waits, unless the last one is still being sent. To be called when a packet arrived."""
        transport, subscription = self._transport, self._subscription
        if transport is None or subscription is None:
            return  # the response has not begun
        if not transport.is_closing() and not transport.get_write_buffer_size():
            packet = subscription.slot.poll()
            if packet is None:
                return
            part = self._parts.of(packet)
            transport.write(part.chunk if self._chunked else part.body)
            if not transport.get_write_buffer_size():
                return
        self.wake()
