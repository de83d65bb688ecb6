"""The door of a port that speaks TLS: who comes is let in once the handshake is done; who speaks plain http is told so.

A handshake begins with the byte 22 (RFC 8446, clause 5.1), and no word of HTTP does: so both can be told apart at one
port before anything is read.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

from pi_stream.errors import used_up
from pi_stream.server.connection.accept import tell
from pi_stream.server.connection.tls_transport import over_tls_transport

_HANDSHAKE = b"\x16"
_GOODBYE = 2.0  # seconds for the other end to confirm the end of a connection
_MOST = 256  # that are on their way in; for one more, the one that has been for longest has to go
_PAUSE = 1.0  # seconds after which it is tried again, where nobody can be let in

Protocols = Callable[[], asyncio.BaseProtocol]


class TlsListener:
    """Accepts at `listener`, a listening TCP socket, while its block runs.

    `context` is asked for at each handshake, and so is `patience`, the seconds for a first byte and all of a handshake.
    `secure` and `plain` make the protocols of those who come by TLS and of those who do not. `viewers` counts those who
    are connected.
    """

    def __init__(
        self,
        listener: socket.socket,
        context: Callable[[], ssl.SSLContext],
        patience: Callable[[], float],
        *,
        secure: Protocols,
        plain: Protocols,
        viewers: Callable[[], int],
    ) -> None:
        self._listener, self._context, self._patience = listener, context, patience
        self._secure, self._plain, self._viewers = secure, plain, viewers
        self._tasks = asyncio.TaskGroup()
        self._coming: dict[asyncio.Task[None], None] = {}  # in the order in which they came

    async def __aenter__(self) -> Self:
        self._listener.setblocking(False)
        await self._tasks.__aenter__()
        self._accepting = self._tasks.create_task(self._accept(), name="door")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for task in (self._accepting, *self._coming):
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
                    tell(error, self._viewers())
                    await asyncio.sleep(_PAUSE)
                continue  # otherwise one went away, or its network did: accept(2)
            if len(self._coming) >= _MOST:
                slowest = next(iter(self._coming))
                del self._coming[slowest]
                slowest.cancel()
            task = self._tasks.create_task(self._let_in(connection), name="handshake")
            self._coming[task] = None
            task.add_done_callback(partial(self._came, connection))
            await asyncio.sleep(0)  # `sock_accept` gives others no turn while somebody waits

    def _came(self, connection: socket.socket, task: asyncio.Task[None]) -> None:
        self._coming.pop(task, None)
        if task.cancelled():
            connection.close()  # the task may not even have begun

    async def _let_in(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._patience()):
                if await _first_byte(connection) == _HANDSHAKE:
                    await over_tls_transport(connection, self._context(), self._secure, shutdown_timeout=_GOODBYE)
                else:
                    await loop.connect_accepted_socket(self._plain, connection)
        except OSError:  # it went away, or was too slow, or no handshake came about: ssl's errors are of this kind, too
            connection.close()


async def _first_byte(connection: socket.socket) -> bytes:
    """Wait for it, and leave it where it is; empty when there is none to come."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(connection, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK)
