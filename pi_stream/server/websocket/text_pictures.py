"""The picture of a text: /ws/text draws whatever it is sent."""

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

_LONGEST = 1000  # characters that are drawn


class TextQuery(Struct, frozen=True):
    """What may be asked of the picture of a text; width and height in pixels."""

    encoding: TextEncoding = "rgba"
    width: Annotated[int, Meta(ge=1, le=2048)] = 300
    height: Annotated[int, Meta(ge=1, le=2048)] = 150
    color: Color = "#000000"
    background: Color = "#00000000"


async def text_socket(request: web.Request) -> web.StreamResponse:
    """GET /ws/text: each text is answered by one picture of it, as bare bytes."""
    context = request.app[CONTEXT]
    query = parse_query(dict(request.query), TextQuery)
    if query.width * query.height > (most := context.config.limits.text_pixels):
        raise BadMessage(f"expected at most {most} pixels (limits.text_pixels), got {query.width} x {query.height}")
    with context.place(address_of(request)):
        return await _serve_texts(context, stream_of(request), query, request)


async def _serve_texts(
    context: AppContext, stream: Stream, query: TextQuery, request: web.Request
) -> web.StreamResponse:
    socket = response(context)
    transport, answering = await shake_hands(request, socket), asyncio.current_task()
    if transport is None or answering is None:
        return socket
    mark_as_websocket(transport)
    hearing = MessageReader(context, socket, address_of(request))
    goodbyes: list[tuple[int, str]] = []

    def say_goodbye(code: int, reason: str) -> None:
        if not goodbyes:
            answering.cancel()  # who reads is to say it: see `Viewer.run`
        goodbyes.append((code, reason))

    def refuse(code: int, reason: str) -> None:
        hearing.refuses(code, reason)
        say_goodbye(code, reason)

    async def close(code: int, reason: str) -> None:
        say_goodbye(code, reason)

    # There are no acknowledgements; but all else is looked at, too.
    AckReader(transport, framing(context), lambda _: False, refuse)
    try:
        with (
            context.viewers.guest(stream, close),
            context.access.live_sessions.visit(current_grant(context.access), lambda: close(*LOGGED_OUT)),
        ):
            await _answer_texts(context, query, socket, hearing)
    except StoppedReading as reason:
        await socket.close(code=1008, message=str(reason).encode())
    except asyncio.CancelledError:
        if not goodbyes or answering.uncancel():
            raise
        code, text = goodbyes[0]
        await socket.close(code=code, message=text.encode())
    return socket


async def _answer_texts(
    context: AppContext, query: TextQuery, socket: web.WebSocketResponse, hearing: MessageReader
) -> None:
    loop = asyncio.get_running_loop()
    while (message := await hearing.next()) is not None:
        if message.type is not WSMsgType.TEXT:
            await socket.close(code=1003, message=b"expected a text message")
            break
        text = message.data if len(message.data) <= _LONGEST else message.data[: _LONGEST - 1] + "…"
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
        except (EncodingFailed, MemoryError, OSError):  # the last where no file descriptor is left to read a font with
            await socket.close(code=1011, message=b"the picture could not be made")
            break
        await socket.send_bytes(picture)
