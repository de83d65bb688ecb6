"""A port that speaks TLS, and redirects plain http.

A TLS handshake begins with the byte 22 (RFC 8446, clause 5.1), and no HTTP request does: so both can be told apart on
one port before anything is read.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

from pi_stream.errors import used_up
from pi_stream.server.connection.accept import log_exhausted
from pi_stream.server.connection.tls_transport import over_tls_transport

_HANDSHAKE = b"\x16"
_SHUTDOWN_TIMEOUT_S = 2.0  # for the other end to confirm the end of a connection
_MAX_HANDSHAKES = 256  # at the same time; one more closes the oldest
_ACCEPT_PAUSE_S = 1.0  # before the next try if no file descriptor is left

Protocols = Callable[[], asyncio.BaseProtocol]


class TlsListener:
    """Accepts connections on `listener`, a listening TCP socket, while its block runs.

    At each handshake, `context` returns the TLS context, and `handshake_timeout` the seconds from the first byte to the
    end of the handshake. `secure` and `plain` make the protocols of connections with and without TLS. `viewers` counts
    the connected viewers.
    """

    def __init__(
        self,
        listener: socket.socket,
        context: Callable[[], ssl.SSLContext],
        handshake_timeout: Callable[[], float],
        *,
        secure: Protocols,
        plain: Protocols,
        viewers: Callable[[], int],
    ) -> None:
        self._listener, self._context, self._handshake_timeout = listener, context, handshake_timeout
        self._secure, self._plain, self._viewers = secure, plain, viewers
        self._tasks = asyncio.TaskGroup()
        self._handshakes: dict[asyncio.Task[None], None] = {}  # the oldest first

    async def __aenter__(self) -> Self:
        self._listener.setblocking(False)
        await self._tasks.__aenter__()
        self._accepting = self._tasks.create_task(self._accept(), name="accept")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for task in (self._accepting, *self._handshakes):
            task.cancel()
        try:
            await self._tasks.__aexit__(kind, error, at)
        finally:
            self._listener.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listener)
            except OSError as error:
                if used_up(error):
                    log_exhausted(error, self._viewers())
                    await asyncio.sleep(_ACCEPT_PAUSE_S)
                continue  # otherwise the client or its network has gone: accept(2)
            if len(self._handshakes) >= _MAX_HANDSHAKES:
                oldest = next(iter(self._handshakes))
                del self._handshakes[oldest]
                oldest.cancel()
            task = self._tasks.create_task(self._start(connection), name="handshake")
            self._handshakes[task] = None
            task.add_done_callback(partial(self._ended, connection))
            await asyncio.sleep(0)  # `sock_accept` does not yield while connections wait

    def _ended(self, connection: socket.socket, task: asyncio.Task[None]) -> None:
        self._handshakes.pop(task, None)
        if task.cancelled():
            connection.close()  # the task may not have begun

    async def _start(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._handshake_timeout()):
                if await _first_byte(connection) == _HANDSHAKE:
                    await over_tls_transport(
                        connection, self._context(), self._secure, shutdown_timeout=_SHUTDOWN_TIMEOUT_S
                    )
                else:
                    await loop.connect_accepted_socket(self._plain, connection)
        except OSError:  # disconnected, too slow, or a failed handshake: ssl's errors are OSErrors, too
            connection.close()


async def _first_byte(connection: socket.socket) -> bytes:
    """Wait for the first byte, without reading it; empty if the connection ends."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(connection, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK)
