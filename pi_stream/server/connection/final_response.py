"""Responses that are sent without aiohttp, after which the connection is closed."""

import asyncio
import json
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from typing import cast

from pi_stream.server.connection.socket_buffers import abort
from pi_stream.server.security.response_headers import policy

FINAL_RESPONSE_TIMEOUT_S = 2.0  # to send a request, and to read the response


def error_response(status: HTTPStatus, code: str, message: str, wait: int | None = None) -> bytes:
    """An HTTP error as bytes; the connection ends after it. `wait`: seconds for Retry-After."""
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
    """Send the last response. What still arrives must be read: the client may read the response only after sending.

    If a connection is closed with unread data, the kernel resets it, and the response would be lost.
    """
    transport.write(text)
    if transport.can_write_eof():
        with suppress(OSError):  # the client has just disconnected: shutdown(2)
            transport.write_eof()
    else:
        transport.close()  # TLS


class FinalResponse(asyncio.Protocol):
    """Sends a response when a request arrives, and disconnects after FINAL_RESPONSE_TIMEOUT_S in any case."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = cast(asyncio.Transport, transport)  # of TCP, as for every asyncio.Protocol
        self._end = asyncio.get_running_loop().call_later(FINAL_RESPONSE_TIMEOUT_S, abort, self._transport)

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - whatever the request is
        """See asyncio."""
        text, self._text = self._text, b""
        if text:
            send_and_close(self._transport, text)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """See asyncio."""
        self._end.cancel()
