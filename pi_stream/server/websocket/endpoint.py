"""/ws: reads the messages of a viewer, and answers each."""

import asyncio
from collections import deque

from aiohttp import WSMsgType, web
from msgspec import UNSET

from pi_stream.errors import BadMessage, LimitReached, Refused
from pi_stream.lib import clock
from pi_stream.lib.rate_limit import SPAN_US
from pi_stream.protocol import VERSION, Error, Ok, parse_request
from pi_stream.server.connection.connection_guard import mark_as_websocket
from pi_stream.server.connection.socket_buffers import abort, pause_until_sent
from pi_stream.server.context import CONTEXT, AppContext, stream_of
from pi_stream.server.security.access import address_of
from pi_stream.server.security.authorize import current_grant
from pi_stream.server.security.live_sessions import LOGGED_OUT
from pi_stream.server.websocket.ack_reader import AckReader
from pi_stream.server.websocket.handshake import shake_hands
from pi_stream.server.websocket.message_reader import MessageReader, StoppedReading, framing, response
from pi_stream.server.websocket.messages import do
from pi_stream.server.websocket.viewer import Viewer
from pi_stream.stream import Stream


async def websocket(request: web.Request) -> web.StreamResponse:
    """GET /ws"""
    context = request.app[CONTEXT]
    with context.count_viewer(address_of(request)):
        return await _serve(context, stream_of(request), request)


async def _serve(context: AppContext, stream: Stream, request: web.Request) -> web.StreamResponse:
    socket = response(context, VERSION)
    transport = await shake_hands(request, socket)
    if transport is None:
        return socket
    pause_until_sent(transport)
    mark_as_websocket(transport)
    viewer = Viewer(context, stream, current_grant(context.access), socket, transport)
    reader = MessageReader(context, socket, viewer.address, lambda: viewer.feed.acked)

    def refuse(code: int, reason: str) -> None:
        reader.count_refusal(code, reason)
        viewer.close_soon(code, reason)

    AckReader(transport, framing(context), viewer.feed.take_ack, refuse, viewer.feed.go_on)
    viewer.welcome()
    try:
        with context.access.live_sessions.hold(viewer.grant, lambda: viewer.close(*LOGGED_OUT)):
            await viewer.run(_receive(context, viewer, reader))
    except* ConnectionError:
        pass  # the connection was lost in the middle of a message, as most are
    finally:
        viewer.feed.unwatch()
        context.viewers.leave(viewer)
        if (
            socket.close_code in (None, 1006) and not viewer.close_sent
        ):  # no close handshake: discard what the kernel holds for it
            abort(transport)
    return socket


async def _receive(context: AppContext, viewer: Viewer, reader: MessageReader) -> None:
    max_bad = context.config.limits.bad_messages
    bad: deque[int] = deque(maxlen=max_bad)
    try:
        while (message := await reader.next()) is not None:
            try:
                if message.type is not WSMsgType.TEXT:
                    raise BadMessage("expected a text message, got a binary one")
                request = parse_request(message.data)
                caption = await do(context, viewer, request)
                if request.id is not None:
                    viewer.reply(Ok(re=request.id, caption=UNSET if caption is None else caption))
            except Refused as error:
                if isinstance(error, BadMessage):
                    now = clock.now()
                    if len(bad) == max_bad and now - bad[0] < SPAN_US:
                        text = f"more than {max_bad} bad messages in 10 seconds"
                        context.refusals.count("limits.bad_messages", viewer.address, f"{text} (limits.bad_messages)")
                        viewer.close_soon(1008, text)
                        return
                    bad.append(now)
                elif isinstance(error, LimitReached):
                    context.refusals.count(error.limit, viewer.address, str(error))
                viewer.reply(Error(re=UNSET if error.re is None else error.re, code=error.code, message=str(error)))
            await asyncio.sleep(0)  # a viewer that sends many messages takes turns with the others and with its answers
    except StoppedReading as reason:
        viewer.close_soon(1008, str(reason))
