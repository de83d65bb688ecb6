"""A TLS connection that pauses its writer as one without TLS does: until the kernel has taken what was written.

asyncio's TLS has two buffers, one below the other, and reports only the upper one to the writer: two frames could wait,
and the older one would be sent first. Here, what is encrypted goes to the lower buffer at once, and the writer sees its
limits, size and pauses. Only public parts of asyncio are used.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Any


async def over_tls_transport(
    connection: socket.socket,
    context: ssl.SSLContext,
    protocols: Callable[[], asyncio.BaseProtocol],
    *,
    shutdown_timeout: float,
) -> None:
    """Do the handshake, then give the connection to a new protocol. Owns the connection from now on, in any case.

    `shutdown_timeout`: seconds for the other end to confirm the end. Raises OSError, including ssl's errors, if the
    handshake fails.
    """
    loop = asyncio.get_running_loop()
    below, first = await loop.connect_accepted_socket(_HandshakeProtocol, connection)
    inner = await loop.start_tls(below, first, context, server_side=True, ssl_shutdown_timeout=shutdown_timeout)
    if inner is None or inner.is_closing():
        return
    below.set_protocol(_LowerProtocol(below, inner))
    protocol = protocols()
    inner.set_protocol(protocol)
    try:
        protocol.connection_made(_TlsTransport(inner, below))
        if first.held and isinstance(protocol, asyncio.Protocol):
            protocol.data_received(first.held)
    except Exception as error:  # as asyncio does when it calls a protocol
        inner.abort()
        if not isinstance(error, OSError):  # else the client has disconnected
            loop.call_exception_handler({"message": "a protocol failed", "exception": error, "protocol": protocol})


class _HandshakeProtocol(asyncio.Protocol):
    """The protocol until the handshake is done; it holds data that arrives with the end of the handshake."""

    def __init__(self) -> None:
        self.held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.ReadTransport)  # noqa: S101 - a connection is read and written
        transport.pause_reading()  # until TLS reads

    def data_received(self, data: bytes) -> None:
        self.held += data


class _LowerProtocol(asyncio.BufferedProtocol):
    """Between the connection and its TLS: data goes up to TLS, pauses of writing go to the writer itself."""

    def __init__(self, below: asyncio.Transport, inner: asyncio.Transport) -> None:
        tls = below.get_protocol()
        assert isinstance(tls, asyncio.BufferedProtocol)  # noqa: S101 - asyncio's TLS is one
        self._tls, self._inner = tls, inner

    def get_buffer(self, sizehint: int) -> Any:  # a buffer: there is a type for it since Python 3.12
        return self._tls.get_buffer(sizehint)

    def buffer_updated(self, nbytes: int) -> None:
        self._tls.buffer_updated(nbytes)

    def eof_received(self) -> bool | None:
        return self._tls.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._tls.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.get_protocol().pause_writing()

    def resume_writing(self) -> None:
        self._inner.get_protocol().resume_writing()


class _TlsTransport(asyncio.Transport):
    """The protocol's transport: asyncio's TLS, except for what waits to be written."""

    def __init__(self, inner: asyncio.Transport, below: asyncio.Transport) -> None:
        super().__init__()
        self._inner, self._below = inner, below

    def get_write_buffer_size(self) -> int:
        return self._below.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._below.set_write_buffer_limits(high, low)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._inner.write(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self._inner.writelines(list_of_data)

    def can_write_eof(self) -> bool:
        return self._inner.can_write_eof()

    def pause_reading(self) -> None:
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        self._inner.resume_reading()

    def is_reading(self) -> bool:
        return self._inner.is_reading()

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._inner.get_protocol()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._inner.set_protocol(protocol)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._inner.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._inner.is_closing()

    def close(self) -> None:
        if not self._inner.is_closing():  # asyncio's cannot be used after a second call
            self._inner.close()

    def abort(self) -> None:
        self._inner.abort()
