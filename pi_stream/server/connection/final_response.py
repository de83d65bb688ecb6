"""An answer past aiohttp: to who may not stay for long enough to be answered by it."""

import asyncio
import json
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from typing import cast

from pi_stream.server.connection.socket_buffers import abort
from pi_stream.server.security.response_headers import policy

MOMENT = 2.0  # seconds to ask, and to read the answer


def answer(status: HTTPStatus, code: str, message: str, wait: int | None = None) -> bytes:
    """An HTTP error as it is on the wire, after which the connection ends; `wait`: seconds until another try."""
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    headers = {
        "Date": formatdate(usegmt=True),
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(len(body)),
        "Connection": "close",
        "Cache-Control": "no-store",
        **policy(),
        **({} if wait is None else {"Retry-After": str(wait)}),
    }
    lines = (f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items()))
    return "\r\n".join((*lines, "", "")).encode() + body


def send_and_close(transport: asyncio.Transport, text: bytes) -> None:
    """Give an answer, the last one. What still comes is to be read: its sender is busy, and reads the answer later.

    The kernel ends a connection with a reset that is closed with something unread, and the answer would be lost.
    """
    transport.write(text)
    if transport.can_write_eof():
        with suppress(OSError):  # it went away just now: shutdown(2)
            transport.write_eof()
    else:
        transport.close()  # TLS


class FinalResponse(asyncio.Protocol):
    """Waits for a moment until something is asked, gives the answer, and another moment to read it."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = cast(asyncio.Transport, transport)  # of TCP, as for every asyncio.Protocol
        self._end = asyncio.get_running_loop().call_later(MOMENT, abort, self._transport)

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - whatever was asked
        """See asyncio."""
        text, self._text = self._text, b""
        if text:
            send_and_close(self._transport, text)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """See asyncio."""
        self._end.cancel()
