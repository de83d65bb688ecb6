"""What waits in a connection for a client that reads slowly, and disconnecting one that does not read at all.

A frame passes three buffers that could hold old ones: asyncio's, where at most one message waits, because the next one
is not written until the kernel has taken the last one; the kernel's, which acks keep short, and which is made small for
clients that send none; and the network's, where only acks help.
"""

import asyncio
import fcntl
import logging
import socket
import struct
import termios
from collections.abc import Iterator

log = logging.getLogger(__name__)

# Memory of the kernel for a client without acks: a frame or two of 720p. With less, a distant client would starve: no
# more than this is sent in one round trip.
_SEND_BUFFER_BYTES = 262_144
_UNSENT_BYTES = 16_384  # of these, those that are not on their way yet

_BYTES_ACKED = struct.Struct("=Q")  # tcpi_bytes_acked of struct tcp_info, linux/tcp.h, since Linux 4.1
_BYTES_ACKED_OFFSET = 120


def peer(transport: asyncio.BaseTransport) -> str:
    """The address at the other end; IPv4 as such, also where one socket listens for both kinds."""
    name = transport.get_extra_info("peername")
    return str(name[0]).removeprefix("::ffff:") if name else ""


def pause_until_sent(transport: asyncio.WriteTransport) -> None:
    """Have asyncio pause the writer until the kernel has taken all that was written."""
    transport.set_write_buffer_limits(high=0)


def abort(transport: asyncio.WriteTransport) -> None:
    """Disconnect now, whatever waits; nothing happens if the connection has ended.

    asyncio's abort raises AttributeError for a connection that was closed while bytes waited, and has ended (Python
    3.11).
    """
    if _open(transport) is not None:
        transport.abort()


def _open(transport: asyncio.BaseTransport) -> socket.socket | None:
    """The socket; None if the connection has ended: with TLS there is none then, without TLS one that is closed."""
    connection: socket.socket | None = transport.get_extra_info("socket")
    return connection if connection is not None and connection.fileno() >= 0 else None


def limit_send_buffer(transport: asyncio.BaseTransport) -> None:
    """Have the kernel buffer little for a client that sends no acks. It cannot be undone."""
    if (connection := _open(transport)) is None:
        return  # it has ended
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES // 2)  # Linux doubles it: socket(7)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)


def _acknowledged_bytes(transport: asyncio.WriteTransport) -> int:
    """Bytes that the other machine has acknowledged since the connection began; -1 if it has ended."""
    if (connection := _open(transport)) is None:
        return -1
    facts = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.size + _BYTES_ACKED_OFFSET)
    return int(_BYTES_ACKED.unpack_from(facts, _BYTES_ACKED_OFFSET)[0])


def unacknowledged_bytes(transport: asyncio.WriteTransport) -> int:
    """Written bytes that the other machine has not acknowledged: those in asyncio's and in the kernel's buffer."""
    waiting = transport.get_write_buffer_size()
    if (connection := _open(transport)) is None:
        return waiting
    queued = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))  # SIOCOUTQ: tcp(7)
    return waiting + int(struct.unpack("i", queued)[0])


class StallDetector:
    """Disconnects a connection in which bytes wait and of which none is acknowledged for `timeout` seconds.

    A hidden tab reads all that it is sent, and sends no acks: no bytes wait, and it stays connected.
    """

    def __init__(self, timeout: float) -> None:
        self.disconnected = 0
        self.timeout = timeout
        self._last: dict[
            asyncio.WriteTransport, tuple[int, int]
        ] = {}  # acknowledged bytes, and when that number last changed

    def __iter__(self) -> Iterator[asyncio.WriteTransport]:
        return iter(tuple(self._last))

    def watch(self, transport: asyncio.WriteTransport) -> None:
        """Check a connection from now on."""
        self._last[transport] = (0, 0)

    def forget(self, transport: asyncio.WriteTransport) -> None:
        """Check it no longer."""
        self._last.pop(transport, None)

    def sweep(self, now: int) -> None:
        """Check all connections; to be called about once a second. `now` in microseconds."""
        for transport, (before, since) in tuple(self._last.items()):
            waiting, taken = unacknowledged_bytes(transport), _acknowledged_bytes(transport)
            if waiting == 0 or taken != before:
                self._last[transport] = (taken, now)
            elif now - since >= self.timeout * 1e6:
                viewer = peer(transport)
                field = {"PI_STREAM_VIEWER": viewer}
                log.info("%s reads nothing; disconnected with %d bytes unread", viewer, waiting, extra=field)
                self.disconnected += 1
                abort(transport)
