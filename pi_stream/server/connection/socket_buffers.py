"""What waits in a connection for one who reads slowly, and what becomes of one who does not read at all.

A frame passes three places that could hold old ones: asyncio's, where at most one message waits here, since the next
is not handed over until the last one is with the kernel; the kernel's, which acks keep short, and which is made small
for those that send none; and the network's, where only acks help.
"""

import asyncio
import fcntl
import logging
import socket
import struct
import termios
from collections.abc import Iterator

log = logging.getLogger(__name__)

# Bytes of memory that the kernel may use for what one without acks is sent: a frame or two of 720p. Less would starve
# who is far away, for no more than this gets through in one round trip.
_SEND_BYTES = 262_144
_UNSENT_BYTES = 16_384  # of these, that are not even on their way yet

_BYTES_ACKED = struct.Struct("=Q")  # tcpi_bytes_acked of struct tcp_info, linux/tcp.h, since Linux 4.1
_BYTES_ACKED_AT = 120


def peer(transport: asyncio.BaseTransport) -> str:
    """The address at the other end; IPv4 as such, also where one socket listens for both kinds."""
    name = transport.get_extra_info("peername")
    return str(name[0]).removeprefix("::ffff:") if name else ""


def newest_wins(transport: asyncio.WriteTransport) -> None:
    """Have asyncio hold back the writer until the kernel has taken all that was written."""
    transport.set_write_buffer_limits(high=0)


def abort(transport: asyncio.WriteTransport) -> None:
    """End a connection now, whatever waits in it; one that has ended is left alone.

    asyncio's own abort raises AttributeError over one that was closed while bytes waited, and then ended (Python 3.11).
    """
    if _open(transport) is not None:
        transport.abort()


def _open(transport: asyncio.BaseTransport) -> socket.socket | None:
    """Its socket; None once the connection has ended. Over TLS there is none then, without TLS one that is closed."""
    connection: socket.socket | None = transport.get_extra_info("socket")
    return connection if connection is not None and connection.fileno() >= 0 else None


def keep_little(transport: asyncio.BaseTransport) -> None:
    """Have the kernel hold little of what one without acks is sent. The connection stays so."""
    if (connection := _open(transport)) is None:
        return  # it went away
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BYTES // 2)  # Linux doubles it: socket(7)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)


def _acknowledged(transport: asyncio.WriteTransport) -> int:
    """Bytes that the other machine has acknowledged, ever."""
    if (connection := _open(transport)) is None:
        return -1
    facts = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.size + _BYTES_ACKED_AT)
    return int(_BYTES_ACKED.unpack_from(facts, _BYTES_ACKED_AT)[0])


def backlog(transport: asyncio.WriteTransport) -> int:
    """Bytes that were written and that the other machine has not acknowledged: asyncio's, and the kernel's."""
    waiting = transport.get_write_buffer_size()
    if (connection := _open(transport)) is None:
        return waiting
    queued = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))  # SIOCOUTQ: tcp(7)
    return waiting + int(struct.unpack("i", queued)[0])


class Stalls:
    """All connections. One that has a backlog and takes nothing for `timeout` seconds is let go.

    A tab that nobody looks at reads all that it is sent and acknowledges none of it: it has no backlog, and stays.
    """

    def __init__(self, timeout: float) -> None:
        self.let_go = 0
        self.timeout = timeout
        self._last: dict[asyncio.WriteTransport, tuple[int, int]] = {}  # what it took, and when it was seen to move

    def __iter__(self) -> Iterator[asyncio.WriteTransport]:
        return iter(tuple(self._last))

    def watch(self, transport: asyncio.WriteTransport) -> None:
        """Look after a connection, until it is forgotten."""
        self._last[transport] = (0, 0)

    def forget(self, transport: asyncio.WriteTransport) -> None:
        """It ended."""
        self._last.pop(transport, None)

    def sweep(self, now: int) -> None:
        """Look at all of them; to be called about once a second. `now` in microseconds."""
        for transport, (before, since) in tuple(self._last.items()):
            waiting, taken = backlog(transport), _acknowledged(transport)
            if waiting == 0 or taken != before:
                self._last[transport] = (taken, now)
            elif now - since >= self.timeout * 1e6:
                viewer = peer(transport)
                field = {"PI_STREAM_VIEWER": viewer}
                log.info("%s reads nothing; let go with %d bytes unread", viewer, waiting, extra=field)
                self.let_go += 1
                abort(transport)
