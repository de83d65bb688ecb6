"""/ws/text: each text message is answered with a picture of it."""

import asyncio
from typing import Annotated

from aiohttp import WSMsgType, web
from msgspec import Meta, Struct

from pi_stream.captions.caption import Color
from pi_stream.errors import BadMessage, EncodingFailed
from pi_stream.protocol import parse_query
from pi_stream.server.connection.connection_guard import mark_as_websocket
from pi_stream.server.context import CONTEXT, AppContext, TextEncoding, stream_of
from pi_stream.server.security.access import address_of
from pi_stream.server.security.authorize import current_grant
from pi_stream.server.security.live_sessions import LOGGED_OUT
from pi_stream.server.websocket.ack_reader import AckReader
from pi_stream.server.websocket.handshake import shake_hands
from pi_stream.server.websocket.message_reader import MessageReader, StoppedReading, framing, response
from pi_stream.stream import Stream

_MAX_DRAWN_CHARS = 1000


class TextQuery(Struct, frozen=True):
    """The query of a picture of text; width and height in pixels."""

    encoding: TextEncoding = "rgba"
    width: Annotated[int, Meta(ge=1, le=2048)] = 300
    height: Annotated[int, Meta(ge=1, le=2048)] = 150
    color: Color = "#000000"
    background: Color = "#00000000"


async def text_socket(request: web.Request) -> web.StreamResponse:
    """GET /ws/text"""
    context = request.app[CONTEXT]
    query = parse_query(dict(request.query), TextQuery)
    if query.width * query.height > (max_pixels := context.config.limits.text_pixels):
        raise BadMessage(
            f"expected at most {max_pixels} pixels (limits.text_pixels), got {query.width} x {query.height}"
        )
    with context.count_viewer(address_of(request)):
        return await _serve_texts(context, stream_of(request), query, request)


async def _serve_texts(
    context: AppContext, stream: Stream, query: TextQuery, request: web.Request
) -> web.StreamResponse:
    socket = response(context)
    transport, answering = await shake_hands(request, socket), asyncio.current_task()
    if transport is None or answering is None:
        return socket
    mark_as_websocket(transport)
    reader = MessageReader(context, socket, address_of(request))
    reasons: list[tuple[int, str]] = []

    def close_soon(code: int, reason: str) -> None:
        if not reasons:
            answering.cancel()  # the task that reads must close: see `Viewer.run`
        reasons.append((code, reason))

    def refuse(code: int, reason: str) -> None:
        reader.count_refusal(code, reason)
        close_soon(code, reason)

    async def close(code: int, reason: str) -> None:
        close_soon(code, reason)

    # There are no acknowledgements here, but the other frames are checked.
    AckReader(transport, framing(context), lambda _: False, refuse)
    try:
        with (
            context.viewers.guest(stream, close),
            context.access.live_sessions.hold(current_grant(context.access), lambda: close(*LOGGED_OUT)),
        ):
            await _answer_texts(context, query, socket, reader)
    except StoppedReading as reason:
        await socket.close(code=1008, message=str(reason).encode())
    except asyncio.CancelledError:
        if not reasons or answering.uncancel():
            raise
        code, text = reasons[0]
        await socket.close(code=code, message=text.encode())
    return socket


async def _answer_texts(
    context: AppContext, query: TextQuery, socket: web.WebSocketResponse, reader: MessageReader
) -> None:
    loop = asyncio.get_running_loop()
    while (message := await reader.next()) is not None:
        if message.type is not WSMsgType.TEXT:
            await socket.close(code=1003, message=b"expected a text message")
            break
        text = message.data if len(message.data) <= _MAX_DRAWN_CHARS else message.data[: _MAX_DRAWN_CHARS - 1] + "…"
        try:
            async with context.texts:
                picture = await loop.run_in_executor(
                    context.pool,
                    context.picture_of_text,
                    text,
                    query.encoding,
                    query.width,
                    query.height,
                    query.color,
                    query.background,
                )
        except (EncodingFailed, MemoryError, OSError):  # OSError: no file descriptor is left to read a font
            await socket.close(code=1011, message=b"the picture could not be made")
            break
        await socket.send_bytes(picture)
