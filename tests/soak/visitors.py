"""Who comes: viewers of every kind, polite and rude, and what is no viewer at all. Each visit ends by itself."""

import asyncio
import json
import random
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import websockets

from pi_stream.protocol import parse_packet

ENCODINGS = ("jpeg", "png", "i420", "rgba")
_PATIENCE = 30.0  # seconds until an answer is missed
_LEAST = 4096  # bytes of an answer that are looked at
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close by breaking off, see socket(7)
_TEXTS = (
    "Garage {time:%H:%M:%S}", "frame {seq} of {fps}", "the door", "二階の窓 {viewers}", "باب الحديقة",
    "😀 {temperature}", "two\nlines", "x" * 300, "{nothing}", "{", "",
)  # fmt: skip  # what is typed, right and wrong
_PATHS = (
    "", "styles/page.css", "main.js", "nowhere", "healthz", "metrics", "api/status", "api/captions", "api/captions/c1",
    "api/doctor", "api/openapi.json", "api/access", "snapshot.jpg?width=0", "snapshot.png?quality=many", "ws",
)  # fmt: skip  # what is asked for, right and wrong
_HEAD = b"Host: localhost\r\nConnection: close\r\n"
_UPGRADE = (
    b"Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
_MALFORMED = (
    b"\r\n\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"BREW / HTTP/1.1\r\n" + _HEAD + b"\r\n", b"GET /../../etc/passwd HTTP/1.1\r\n" + _HEAD + b"\r\n",
    b"GET /%00%ff HTTP/1.1\r\n" + _HEAD + b"\r\n",
    b"GET / HTTP/1.1\r\n" + _HEAD + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
    b"POST /api/captions HTTP/1.1\r\n" + _HEAD + b"Content-Length: -1\r\n\r\n",
    b"POST /api/captions HTTP/1.1\r\n" + _HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /api/captions HTTP/1.1\r\n" + _HEAD + b"Content-Length: 7\r\n\r\n{\"text\"",
    b"POST /api/captions HTTP/1.1\r\n" + _HEAD + b"Content-Length: 99999999\r\n\r\n" + b"x" * 200_000,
    b"GET /ws HTTP/1.1\r\n" + _HEAD + b"Upgrade: websocket\r\n\r\n",
)  # fmt: skip  # one thought a line
_BROKEN_FRAMES = (
    b"\x81\x05hello", b"\x83\x80\0\0\0\0", b"\xc1\x80\0\0\0\0", b"\x80\x80\0\0\0\0", b"\x81\xff" + b"\xff" * 12,
    b"\x81\x82\0\0\0\0\xff\xff", b"\x89\xfe\0\xff\0\0\0\0" + b"x" * 255, b"\x88\x82\0\0\0\0\0\1",
    b"\x81\xff" + (1 << 20).to_bytes(8, "big") + b"\0" * 4 + b"x" * 100_000, b"\x01\x82\0\0\0\0{\"", b"\x81\xfe\x01",
)  # fmt: skip  # RFC 6455, clause 5: no mask, an opcode of nobody's, reserved bits, a stray end, lengths, no UTF-8, ...
_BAD_MESSAGES = (
    "", "{", "[]", "null", '{"type":"nothing"}', '{"type":"watch"}', '{"type":"watch","accept":["gif"]}',
    '{"type":"ack","seq":-1}', '{"type":"say","text":""}', '{"type":"name","name":7}', "[" * 5000,
    '{"type":"caption.put","caption":{"text":"{nothing}"}}', '{"type":"controls","controls":{"Nothing":1}}',
)  # fmt: skip  # one thought a line

Visit = Callable[["Visitor"], Awaitable[None]]
GONE = (websockets.ConnectionClosed, websockets.InvalidHandshake, ConnectionError)
"""How a visit may end before its time: the service let go of a viewer, or refused it."""


class Wrong(Exception):
    """The service answered as it never may."""


class Visitor:
    """One who comes: where to, from which of this machine's addresses, and by what chance."""

    def __init__(self, port: int, seed: int) -> None:
        self.port = port
        self.chance = random.Random(seed)  # noqa: S311 - it is to be repeated, not to be secret
        self._from = (f"127.0.0.{self.chance.randint(2, 40)}", 0)

    async def speak(self, words: bytes, seconds: float, *, reads: bool = True) -> bytes:
        """Connect, say this, stay for so long or until the other end closes, and leave: how the answer began."""
        answer = b""
        with suppress(ConnectionError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=self._from)
            try:
                writer.write(words)
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await asyncio.sleep(0 if reads else seconds)
                        while data := await reader.read(1 << 18):
                            answer = (answer + data)[:_LEAST]
            finally:
                self._leave(writer.transport)
        if answer.startswith((b"HTTP/1.1 500", b"HTTP/1.0 500")):
            raise Wrong(f"{words[:80]!r} was answered by {answer[:200]!r}")
        return answer

    @asynccontextmanager
    async def connected(self, path: str = "ws") -> AsyncIterator[websockets.ClientConnection]:
        """A websocket, closed in good order or broken off. Being let go, or refused, is let out: see `GONE`."""
        options: dict[str, Any] = {"compression": None, "max_size": 2**26, "proxy": None, "local_addr": self._from}
        url = f"ws://127.0.0.1:{self.port}/{path}"
        async with websockets.connect(url, open_timeout=_PATIENCE, **options) as connection:
            yield connection
            if self.chance.random() < 0.3:
                self._leave(connection.transport)

    def _leave(self, transport: asyncio.BaseTransport) -> None:
        if self.chance.random() < 0.3:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.close()


async def take(
    connection: websockets.ClientConnection,
    seconds: float,
    *,
    acks: bool,
    picture: Callable[[], None] = lambda: None,
    between: Callable[[], str | None] = lambda: None,
) -> None:
    """Take what comes for so long; `picture` is called for each picture, `between` may give a message to say then."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            message = await asyncio.wait_for(connection.recv(), left)
        except TimeoutError:
            return
        if isinstance(message, bytes):
            picture()
            if acks:
                await connection.send(json.dumps({"type": "ack", "seq": parse_packet(message)[0].seq}))
            if (said := between()) is not None:
                await connection.send(said)


async def watches(visitor: Visitor) -> None:
    """A viewer on the page, or a program: any encoding, with acks or without, and sometimes it says something."""
    chance = visitor.chance
    acks = chance.random() < 0.8
    async with visitor.connected() as connection:
        await connection.send(_watch(chance, acks=acks))
        await take(
            connection,
            chance.uniform(0.5, 5),
            acks=acks,
            between=lambda: _something(chance, acks=acks) if chance.random() < 0.1 else None,
        )


async def stares(visitor: Visitor) -> None:
    """A viewer that stops reading, until it is let go or has had enough."""
    async with visitor.connected() as connection:
        await connection.send(json.dumps({"type": "watch", "accept": ["rgba"], "acks": visitor.chance.random() < 0.3}))
        connection.transport.pause_reading()
        await asyncio.sleep(visitor.chance.uniform(2, 8))


async def streams(visitor: Visitor) -> None:
    """An <img> of MJPEG, or one that stopped reading."""
    chance = visitor.chance
    query = chance.choice(("", "?width=640", "?fps=5&quality=40", "?width=320&fps=60"))
    head = f"GET /stream.mjpg{query} HTTP/1.{chance.randint(0, 1)}\r\n".encode() + _HEAD + b"\r\n"
    await visitor.speak(head, chance.uniform(0.5, 6), reads=chance.random() < 0.8)


async def snapshots(visitor: Visitor) -> None:
    """A few pictures after each other."""
    chance = visitor.chance
    for _ in range(chance.randint(1, 4)):
        what = chance.choice(("snapshot.jpg", "snapshot.png", "snapshot.jpg?width=320", "snapshot.png?width=200"))
        await visitor.speak(f"GET /{what} HTTP/1.1\r\n".encode() + _HEAD + b"\r\n", _PATIENCE)


async def texts(visitor: Visitor) -> None:
    """Pictures of texts."""
    chance = visitor.chance
    encoding, width = chance.choice(("rgba", "png", "jpeg")), chance.choice((16, 300, 800))
    async with visitor.connected(f"ws/text?encoding={encoding}&width={width}") as connection:
        for _ in range(chance.randint(1, 6)):
            await connection.send(chance.choice(_TEXTS))
            await asyncio.wait_for(connection.recv(), _PATIENCE)


async def asks(visitor: Visitor) -> None:
    """A script, or a browser that fetches the page."""
    for path in visitor.chance.sample(_PATHS, 3):
        answer = await visitor.speak(f"GET /{path} HTTP/1.1\r\n".encode() + _HEAD + b"\r\n", _PATIENCE)
        if path == "healthz" and not answer:
            raise Wrong("GET /healthz was not answered")


async def captions(visitor: Visitor) -> None:
    """A script that writes and deletes captions."""
    chance = visitor.chance
    body = json.dumps({"text": chance.choice(_TEXTS), "y": chance.uniform(0, 1.1)}).encode()
    path = b"/api/captions/c%d" % chance.randint(1, 12)
    size = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    await visitor.speak(b"PUT " + path + b" HTTP/1.1\r\n" + _HEAD + size + body, _PATIENCE)
    await asyncio.sleep(chance.uniform(0, 2))
    if chance.random() < 0.7:
        await visitor.speak(b"DELETE " + path + b" HTTP/1.1\r\n" + _HEAD + b"\r\n", _PATIENCE)


async def keeps_silent(visitor: Visitor) -> None:
    """A connection on which nothing is said, or only the beginning of something."""
    chance = visitor.chance
    whole = b"GET /ws HTTP/1.1\r\n" + _UPGRADE
    await visitor.speak(whole[: chance.choice((0, 0, 5, 30, len(whole) - 2))], chance.uniform(1, 10))


async def talks_nonsense(visitor: Visitor) -> None:
    """What is no HTTP, or not as it should be."""
    await visitor.speak(visitor.chance.choice(_MALFORMED), visitor.chance.uniform(0.5, 3))


async def breaks_frames(visitor: Visitor) -> None:
    """A websocket whose frames are none; or one that is killed in the middle of one."""
    chance = visitor.chance
    frames = b"".join(chance.choices(_BROKEN_FRAMES, k=chance.randint(1, 3)))
    await visitor.speak(b"GET /ws HTTP/1.1\r\n" + _UPGRADE + frames, chance.uniform(0.5, 3))


async def says_nonsense(visitor: Visitor) -> None:
    """Messages that are none, a few or too many; or one that is too long."""
    chance = visitor.chance
    async with visitor.connected() as connection:
        for _ in range(chance.choice((1, 3, 40))):
            await connection.send(chance.choice(_BAD_MESSAGES))
        if chance.random() < 0.2:
            await connection.send("x" * 70_000)
        await take(connection, chance.uniform(0.2, 2), acks=False)


async def all_at_once(visitor: Visitor) -> None:
    """Twenty viewers in one moment, as after a power cut of their network."""

    async def one(seed: int) -> None:
        other = Visitor(visitor.port, seed)
        async with other.connected() as connection:
            await connection.send(json.dumps({"type": "watch", "accept": ["jpeg"], "width": 320, "acks": True}))
            await take(connection, 2, acks=True)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(20):
            tasks.create_task(one(visitor.chance.getrandbits(32)))


VISITS: Mapping[Visit, int] = {
    watches: 10, streams: 4, snapshots: 3, captions: 3, texts: 2, asks: 2, stares: 2, keeps_silent: 2,
    talks_nonsense: 2, breaks_frames: 2, says_nonsense: 2, all_at_once: 1,
}  # fmt: skip  # how often, in proportion
"""Every kind of visit, and how often it is made."""


def _watch(chance: random.Random, *, acks: bool) -> str:
    wanted: dict[str, Any] = {"type": "watch", "accept": [chance.choice(ENCODINGS)], "acks": acks}
    wanted["quality"] = chance.choice(("auto", "auto", 80, 40))
    if chance.random() < 0.5:
        wanted["width"] = chance.choice((320, 640, 960))
    if chance.random() < 0.3:
        wanted["fps"] = chance.choice((1, 5, 15))
    return json.dumps(wanted)


def _something(chance: random.Random, *, acks: bool) -> str:
    caption = {"id": f"c{chance.randint(1, 12)}", "text": chance.choice(_TEXTS), "size": 0.05, "ttl": 20}
    return chance.choice(
        (
            _watch(chance, acks=acks),
            json.dumps({"type": "say", "text": chance.choice(_TEXTS)}),
            json.dumps({"type": "name", "name": chance.choice(_TEXTS)}),
            json.dumps({"type": "ping", "sent": 1}),
            json.dumps({"type": "caption.put", "caption": caption}),
            json.dumps({"type": "caption.delete", "id": caption["id"]}),
        )
    )
