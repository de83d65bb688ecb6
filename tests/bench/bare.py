"""The floors: a server that hands the same bytes to every socket, as asyncio does it, and knows nothing of viewers.

`python -m tests.bench.bare PORT SIZE` writes bytes that mean nothing, `python -m tests.bench.bare PORT Y4M` the film's
pictures as JPEGs: read and encoded on one thread, and written, with no caption and not a thought for anybody.
"""

import asyncio
import itertools
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from simplejpeg import encode_jpeg_yuv_planes

from tests.bench.film import FPS, HEIGHT, PICTURES, WIDTH
from tests.bench.parties import QUALITY

_HELLO = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"


class _Socket(asyncio.Protocol):
    def __init__(self, hello: bytes, everybody: set[asyncio.Transport]) -> None:
        self._hello, self._everybody = hello, everybody

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - whoever asks is given all there is
        self._transport.write(self._hello)
        self._everybody.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._everybody.discard(self._transport)


def _random(size: int) -> Iterator[bytes]:
    """As many as the film has pictures, so that caches hold no more."""
    return itertools.cycle([os.urandom(size) for _ in range(PICTURES)])


def _jpegs(path: str) -> Iterator[bytes]:
    """Each is read and made when it is asked for."""
    luma, chroma = WIDTH * HEIGHT, WIDTH * HEIGHT // 4
    with Path(path).open("rb") as file:
        begins = len(file.readline()) + len(b"FRAME\n")
        for number in itertools.cycle(range(PICTURES)):
            planes = np.empty(luma + 2 * chroma, np.uint8)
            os.preadv(file.fileno(), [planes.data], begins + number * (planes.size + len(b"FRAME\n")))
            y, u, v = np.split(planes, (luma, luma + chroma))
            sides = (HEIGHT // 2, WIDTH // 2)
            jpeg = encode_jpeg_yuv_planes(y.reshape(HEIGHT, WIDTH), u.reshape(sides), v.reshape(sides), QUALITY)
            yield b"--frame\r\nContent-Length: %d\r\nContent-Type: image/jpeg\r\n\r\n%b\r\n" % (len(jpeg), jpeg)


async def _serve(port: int, hello: bytes, messages: Iterator[bytes], thread: ThreadPoolExecutor | None) -> None:
    loop = asyncio.get_running_loop()
    everybody: set[asyncio.Transport] = set()
    server = await loop.create_server(lambda: _Socket(hello, everybody), "127.0.0.1", port, backlog=512)
    due = loop.time()
    async with server:
        while True:
            message = next(messages) if thread is None else await loop.run_in_executor(thread, next, messages)
            for transport in everybody:
                if not transport.get_write_buffer_size():
                    transport.write(message)
            due += 1 / FPS
            await asyncio.sleep(due - loop.time())


if __name__ == "__main__":
    _port, _what = int(sys.argv[1]), sys.argv[2]
    if _what.isdecimal():
        asyncio.run(_serve(_port, b"", _random(int(_what)), None))
    else:
        with ThreadPoolExecutor(1) as _thread:
            asyncio.run(_serve(_port, _HELLO, _jpegs(_what), _thread))
