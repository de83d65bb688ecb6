"""Many viewers in one process of their own, cheap enough to leave the machine to whom they watch.

`python -m tests.bench.crowd ws|mjpeg URL COUNT SETTLE SECONDS` connects them, lets them settle, and measures. The path
of URL may be several paths with commas between them: the viewers are shared out among them in turn. It prints one JSON
line when the measurement begins and one, with what came, when it has ended. They take every byte, and answer every
frame of the websocket with its ack at once.
"""

import asyncio
import base64
import itertools
import json
import os
import re
import statistics
import sys
import time
from abc import ABC, abstractmethod
from typing import Any
from urllib.parse import urlsplit

_AREA = bytearray(1 << 18)  # one for all: what comes is looked at before the next viewer's turn
_VIEW = memoryview(_AREA)
_MASK = 0x5A17C3E9.to_bytes(4, "big")  # a masked text frame as RFC 6455, clause 5.2, has it
_CHUNK_HEAD = re.compile(rb"Content-Length: *(\d+)\r\n.*?\r\n\r\n", re.IGNORECASE | re.DOTALL)
_LONGEST_HEAD = 2048


class Tally:
    """What came while it counts: frames by viewer, and the ages of those whose header says when they were captured."""

    def __init__(self, count: int) -> None:
        self.counting = False
        self.frames = [0] * count
        self.bytes = 0
        self.ages: list[int] = []  # microseconds

    def note(self, viewer: int, size: int, captured: int | None) -> None:
        """One whole frame is there."""
        if self.counting:
            self.frames[viewer] += 1
            self.bytes += size
            if captured is not None:
                # The service's clock is this machine's CLOCK_MONOTONIC.
                self.ages.append(time.monotonic_ns() // 1000 - captured)


class Viewer(asyncio.BufferedProtocol, ABC):
    """Takes what comes; a subclass knows where a frame begins and ends."""

    def __init__(self, number: int, tally: Tally) -> None:
        self._number, self._tally = number, tally
        self._head = b""  # of a frame, as far as it has come
        self._left = 0  # bytes of the frame's body that are to come
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        if not self.lost.done():
            self.lost.set_result(exc)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - asyncio's signature
        """See asyncio."""
        return _AREA

    def buffer_updated(self, nbytes: int) -> None:
        """See asyncio."""
        at = 0
        while at < nbytes:
            if self._left:
                took = min(self._left, nbytes - at)
                self._left -= took
                at += took
                if not self._left:
                    self.whole()
                continue
            missing = nbytes - at if len(self._head) + nbytes - at < _LONGEST_HEAD else _LONGEST_HEAD - len(self._head)
            known = len(self._head)
            self._head += _VIEW[at : at + missing]
            used = self.begin(self._head)
            if not used:
                assert len(self._head) < _LONGEST_HEAD, f"no frame begins like {self._head[:200]!r}"
                return
            at += used - known
            self._head = b""
            if not self._left:
                self.whole()

    @abstractmethod
    def begin(self, head: bytes) -> int:
        """How many bytes of `head` are before the body, whose length it keeps in `_left`; 0: not all have come."""

    def whole(self) -> None:
        """The body has come."""


class WebSocketViewer(Viewer):
    """One that says `watch`, and acknowledges every frame."""

    _upgraded = False
    _frame: tuple[int, int, int] | None = None  # seq, captured, size

    def __init__(self, number: int, tally: Tally, path: str) -> None:
        super().__init__(number, tally)
        self._path = path

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        super().connection_made(transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"Sec-WebSocket-Protocol: pi-stream.v1\r\n\r\n".encode()
        )

    def begin(self, head: bytes) -> int:
        """See Viewer."""
        if not self._upgraded:
            end = head.find(b"\r\n\r\n") + 4
            if end > 4:
                assert head.startswith(b"HTTP/1.1 101"), head.decode(errors="replace")
                self._upgraded = True
                self._say({"type": "watch", "accept": [_ENCODING], "acks": True})
            return end if end > 4 else 0
        if len(head) < 2:
            return 0
        short = head[1]
        start = 2 if short < 126 else 4 if short == 126 else 10
        picture = head[0] == 0x82
        if len(head) < start + 32 * picture:
            return 0
        size = short if short < 126 else int.from_bytes(head[2:start], "big")
        self._frame = None
        if picture:
            seq, captured = int.from_bytes(head[start + 8 : start + 12], "little"), head[start + 16 : start + 24]
            self._frame = (seq, int.from_bytes(captured, "little"), size)
            self._left = size - 32
            return start + 32
        self._left = size
        return start

    def whole(self) -> None:
        """See Viewer."""
        if self._frame is not None:
            seq, captured, size = self._frame
            self._frame = None
            self._transport.write(_masked(b'{"type":"ack","seq":%d}' % seq))
            self._tally.note(self._number, size, captured)

    def _say(self, message: dict[str, Any]) -> None:
        self._transport.write(_masked(json.dumps(message).encode()))


class MjpegViewer(Viewer):
    """An <img> that shows multipart/x-mixed-replace."""

    def __init__(self, number: int, tally: Tally, path: str) -> None:
        super().__init__(number, tally)
        self._path = path
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        super().connection_made(transport)
        self._transport.write(f"GET {self._path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    def begin(self, head: bytes) -> int:
        """See Viewer."""
        found = _CHUNK_HEAD.search(head)
        if found is None:
            return 0
        self._left = self._size = int(found[1])
        return found.end()

    def whole(self) -> None:
        """See Viewer."""
        self._tally.note(self._number, self._size, None)


class RawViewer(Viewer):
    """One that takes messages of a size that is known."""

    def __init__(self, number: int, tally: Tally, size: int) -> None:
        super().__init__(number, tally)
        self._size = size

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        super().connection_made(transport)
        self._transport.write(b"?")

    def begin(self, head: bytes) -> int:  # noqa: ARG002 - the first byte says it all
        """See Viewer."""
        self._left = self._size - 1
        return 1

    def whole(self) -> None:
        """See Viewer."""
        self._tally.note(self._number, self._size, None)


def _masked(text: bytes) -> bytes:
    size = len(text)
    keys = int.from_bytes((_MASK * (size // 4 + 1))[:size], "big")
    assert size < 126
    return bytes((0x81, 0x80 | size)) + _MASK + (int.from_bytes(text, "big") ^ keys).to_bytes(size, "big")


_ENCODING = os.environ.get("BENCH_ENCODING", "jpeg")


async def _watch(kind: str, url: str, count: int, settle: float, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    tally = Tally(count)
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    paths = [f"/{path.removeprefix('/')}" for path in parts.path.split(",")]
    numbers = itertools.count()

    def viewer() -> Viewer:
        number = next(numbers)
        path = paths[number % len(paths)]
        if kind == "ws":
            return WebSocketViewer(number, tally, path)
        return MjpegViewer(number, tally, path) if kind == "mjpeg" else RawViewer(number, tally, int(path[1:]))

    viewers: list[tuple[asyncio.Transport, Viewer]] = []
    for _ in range(count):
        viewers.append(await loop.create_connection(viewer, host, port))  # noqa: PERF401 - an await in it
    await asyncio.sleep(settle)
    tally.counting = True
    print(json.dumps({"begins": True}), flush=True)
    begun, cpu = time.monotonic(), time.process_time()
    await asyncio.sleep(seconds)
    tally.counting = False
    took = time.monotonic() - begun
    lost = [each.lost.result() for _, each in viewers if each.lost.done()]
    ages = sorted(tally.ages)
    frames = sum(tally.frames)
    print(
        json.dumps(
            {
                "seconds": took,
                "frames": frames,
                "fps": statistics.median(tally.frames) / took,
                "fps_least": min(tally.frames) / took,
                "bytes": tally.bytes,
                "age_p50_ms": ages[len(ages) // 2] / 1000 if ages else None,
                "age_p95_ms": ages[len(ages) * 95 // 100] / 1000 if ages else None,
                "lost": len(lost),
                "crowd_cpu_percent": 100 * (time.process_time() - cpu) / took,
            }
        ),
        flush=True,
    )
    for transport, _ in viewers:
        transport.abort()


if __name__ == "__main__":
    asyncio.run(_watch(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])))
