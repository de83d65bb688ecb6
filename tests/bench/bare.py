"""The floor: a server that hands the same bytes to every socket, as asyncio does it, and knows nothing of pictures.

`python -m tests.bench.bare PORT SIZE`
"""

import asyncio
import itertools
import os
import sys

from tests.bench.film import FPS, PICTURES


class _Socket(asyncio.Protocol):
    def __init__(self, everybody: set[asyncio.Transport]) -> None:
        self._everybody = everybody

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - whoever asks is given all there is
        self._everybody.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._everybody.discard(self._transport)


async def _serve(port: int, size: int) -> None:
    loop = asyncio.get_running_loop()
    everybody: set[asyncio.Transport] = set()
    server = await loop.create_server(lambda: _Socket(everybody), "127.0.0.1", port, backlog=512)
    messages = [os.urandom(size) for _ in range(PICTURES)]  # as many as the film has, so that caches hold no more
    due = loop.time()
    async with server:
        for message in itertools.cycle(messages):
            for transport in everybody:
                if not transport.get_write_buffer_size():
                    transport.write(message)
            due += 1 / FPS
            await asyncio.sleep(due - loop.time())


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
