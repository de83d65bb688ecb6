"""What is done to a connection, whatever has become of it."""

import asyncio
import socket

import pytest

from pi_stream.server.connection.socket_buffers import abort, pause_until_sent

LARGE = 1 << 22  # bytes; more than the kernel takes at once


class Kept(asyncio.Protocol):
    """One end of a connection, and when it has ended."""

    def __init__(self) -> None:
        self.lost = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


@pytest.mark.parametrize("closed", [False, True])
async def test_a_connection_is_ended_at_any_time(closed: bool) -> None:
    """Also after it was closed while bytes waited, and then was read to its end."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    transport, kept = await loop.create_connection(Kept, sock=ours)
    pause_until_sent(transport)
    transport.write(bytes(LARGE))
    reader, writer = await asyncio.open_connection(sock=theirs)
    if closed:
        transport.close()
        assert len(await reader.read()) == LARGE
        await kept.lost
    abort(transport)
    await asyncio.wait_for(kept.lost, 20)
    if not closed:
        assert len(await reader.read()) < LARGE
    writer.close()
