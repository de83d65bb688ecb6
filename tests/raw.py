"""What no library would send: bytes written by hand to a service's port, and what comes back."""

import asyncio
import http.client
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.running import PATIENCE, Process, Running


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, whole."""

    status: int
    headers: dict[str, str]
    body: bytes


def port_of(service: Running | Process) -> int:
    """Where it listens."""
    return int(service.url.rstrip("/").rpartition(":")[2])


async def ask(service: Running | Process, request: bytes) -> Answer:
    """Send bytes, and read the answer to the first request in them."""
    return await asyncio.to_thread(_ask, port_of(service), request)


def _ask(port: int, request: bytes) -> Answer:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection, method=request.partition(b" ")[0].decode("latin-1"))
        response.begin()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


async def connect(service: Running | Process) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to its port, to be closed by who asks."""
    return await asyncio.open_connection("127.0.0.1", port_of(service))


# --- websockets, RFC 6455


def framed(body: bytes, first: int = 0x81, masked: bool = True, length: bytes = b"") -> bytes:
    """A frame, clause 5.2; `first` is its first byte, `length` what it says of its length when that is not so."""
    size = len(body)
    if not length:
        extended = 0 if size < 126 else 2 if size < 1 << 16 else 8
        length = bytes([{0: size, 2: 126, 8: 127}[extended]]) + size.to_bytes(8, "big")[8 - extended :]
    mask = os.urandom(4) if masked else b""
    head = bytes([first, length[0] | (0x80 if masked else 0)]) + length[1:] + mask
    return head + (bytes(each ^ mask[i % 4] for i, each in enumerate(body)) if masked else body)


HANDSHAKE = (
    "GET {path} {version}\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class RawSocket:
    """A websocket whose frames are written by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def send(self, data: bytes) -> None:
        """Any bytes, whether they are frames or not."""
        self._writer.write(data)

    async def receive(self) -> tuple[int, bytes]:
        """The opcode and the body of the next frame."""
        async with asyncio.timeout(PATIENCE):
            first, second = await self._reader.readexactly(2)
            extended = {126: 2, 127: 8}.get(second, 0)
            size = int.from_bytes(await self._reader.readexactly(extended), "big") if extended else second
            return first & 0x0F, await self._reader.readexactly(size)

    async def receive_until(self, opcode: int) -> bytes:
        """The body of the next frame of this kind; others are passed over."""
        while True:
            kind, body = await self.receive()
            if kind == opcode:
                return body

    async def end(self) -> None:
        """Wait until the other side has closed the connection."""
        async with asyncio.timeout(PATIENCE):
            await self._reader.read()


@asynccontextmanager
async def raw_socket(service: Running | Process, path: str = "/ws") -> AsyncIterator[RawSocket]:
    """A websocket of the service, past its handshake."""
    reader, writer = await connect(service)
    try:
        writer.write(HANDSHAKE.format(path=path, version="HTTP/1.1").encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        assert head.startswith(b"HTTP/1.1 101 ")
        yield RawSocket(reader, writer)
    finally:
        writer.close()
