"""A connection over TLS that holds its writer back as one without does: until the kernel has taken what was written.

asyncio's own keeps what the kernel does not take in two places, one below the other, and tells the writer of the upper
one only: two frames would wait, and the older one would go first. Here whatever is encrypted goes to the lower place at
once, and it is that one whose limits, size and pauses the writer sees. Only asyncio's public means are used.
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
    """Do the handshake, then give the connection to a new protocol. Takes the connection over, whatever happens.

    `shutdown_timeout` is in seconds, for the other end to confirm the end. Raises OSError, ssl's errors included, where
    no handshake comes about.
    """
    loop = asyncio.get_running_loop()
    below, hall = await loop.connect_accepted_socket(_Hall, connection)
    inner = await loop.start_tls(below, hall, context, server_side=True, ssl_shutdown_timeout=shutdown_timeout)
    if inner is None or inner.is_closing():
        return
    below.set_protocol(_Below(below, inner))
    protocol = protocols()
    inner.set_protocol(protocol)
    try:
        protocol.connection_made(_Secure(inner, below))
        if hall.held and isinstance(protocol, asyncio.Protocol):
            protocol.data_received(hall.held)
    except Exception as error:  # as asyncio does where it calls them itself
        inner.abort()
        if not isinstance(error, OSError):  # else it went away
            loop.call_exception_handler({"message": "a protocol failed", "exception": error, "protocol": protocol})


class _Hall(asyncio.Protocol):
    """Who waits here until the handshake is done; what is said with its last word is held."""

    def __init__(self) -> None:
        self.held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.ReadTransport)  # noqa: S101 - a connection is read and written
        transport.pause_reading()  # until it is TLS's

    def data_received(self, data: bytes) -> None:
        self.held += data


class _Below(asyncio.BufferedProtocol):
    """Between the connection and its TLS: what is read goes up to TLS, how writing fares goes to the writer itself."""

    def __init__(self, below: asyncio.Transport, inner: asyncio.Transport) -> None:
        tls = below.get_protocol()
        assert isinstance(tls, asyncio.BufferedProtocol)  # noqa: S101 - asyncio's TLS is one
        self._tls, self._inner = tls, inner

    def get_buffer(self, sizehint: int) -> Any:  # a buffer, for which there is a type since Python 3.12
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


class _Secure(asyncio.Transport):
    """What the protocol writes to and reads from: asyncio's TLS, but for what waits to be written."""

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
        if not self._inner.is_closing():  # asyncio's is of no use any more after a second time
            self._inner.close()

    def abort(self) -> None:
        self._inner.abort()
