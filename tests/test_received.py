"""What a service sends is looked at before it is believed: a picture, and what comes beside it."""

import io
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import pytest
import websockets
from PIL import Image

import pi_stream
from pi_stream.client import decoders
from pi_stream.client.received_packet import ReceivedPacket
from pi_stream.errors import BadMessage, Disconnected
from pi_stream.media.encodings import Encoding
from pi_stream.media.frame import Packet
from pi_stream.protocol import serialize_header


def _file(kind: Literal["PNG", "JPEG"], width: int = 8, height: int = 4) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, kind)
    return file.getvalue()


def _huge_png() -> bytes:
    """A header that announces 60000 x 60000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0d" + header + struct.pack(">I", zlib.crc32(header))


@pytest.mark.parametrize(
    ("encoding", "data", "width", "height", "words"),
    [
        ("rgba", b"", 8, 4, "expected a rgba picture, got a damaged one"),
        ("rgba", bytes(127), 8, 4, "damaged"),
        ("i420", bytes(49), 8, 4, "damaged"),
        ("i420", bytes(33), 7, 3, "damaged"),
        ("png", b"", 8, 4, "damaged"),
        ("png", _file("PNG")[:45], 8, 4, "damaged"),
        ("png", _file("JPEG"), 8, 4, "damaged"),
        ("png", _file("PNG", 16), 8, 4, "expected a picture of 8 x 4, got 16 x 4"),
        ("png", _huge_png(), 8, 4, "damaged|expected a picture of 8 x 4, got 60000 x 60000"),
        ("jpeg", b"\xff\xd8\xff", 8, 4, "damaged"),
        ("jpeg", _file("PNG"), 8, 4, "damaged"),
        ("jpeg", _file("JPEG", 16), 8, 4, "expected a picture of 8 x 4, got 16 x 4"),
        ("rgba", b"", 0, 4, "expected a picture of 1 to 67108864 pixels, got 0 x 4"),
        ("jpeg", b"", 65535, 65535, "got 65535 x 65535"),
        ("h264", b"", 8, 4, "not decoded here"),
    ],
)
@pytest.mark.parametrize("library", ["simplejpeg", "pillow"])
def test_a_picture_that_is_none_is_a_bad_message(
    monkeypatch: pytest.MonkeyPatch,
    library: str,
    encoding: Encoding,
    data: bytes,
    width: int,
    height: int,
    words: str,
) -> None:
    """Whatever is wrong with it; one that is too large is found before it is decoded."""
    if library == "pillow":
        monkeypatch.setattr(decoders, "decode_jpeg", None)
    with pytest.raises(BadMessage, match=words):
        ReceivedPacket(encoding, data, width, height, 0, 0).image()


WELCOME = (
    '{"type":"welcome","version":"1","host":"p","you":"v1","encodings":["png"],"captions":[],"viewers":[],"source":'
    '{"kind":"x","width":64,"height":64,"online":true,"reason":null,"resting":false,"why":"","refused":[],'
    '"measured_fps":0}}'
)


@asynccontextmanager
async def _service(*messages: str | bytes) -> AsyncIterator[str]:
    """A service that says this, and then waits to be left."""

    async def say(connection: websockets.ServerConnection) -> None:
        for message in messages:
            await connection.send(message)
        await connection.wait_closed()

    async with websockets.serve(say, "127.0.0.1", 0) as server:
        (listener,) = server.sockets
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"", "header has 32 bytes, got 0"),
        (b"PIS2" + bytes(28), "magic"),
        (serialize_header(Packet("png", b"", 8, 4, 0, 0), 0)[:4] + b"\x09" + bytes(27), "encoding from 1 to 5, got 9"),
        ("", "cannot be understood"),
        ("[]", "cannot be understood"),
        ('{"type":7}', "cannot be understood"),
        ('{"type":[]}', "cannot be understood"),
        ('{"type":"captions","captions":[{"id":"c1","text":7}]}', "cannot be understood"),
        ('{"type":"pong","sent":"x","clock":1,"utc":""}', "cannot be understood"),
        ("[" * 100_000, "cannot be understood"),
    ],
)
async def test_a_service_that_talks_nonsense_is_left(message: str | bytes, words: str) -> None:
    """The viewer is told what it said, and nothing else breaks."""
    async with _service(WELCOME, message) as url, pi_stream.connect(url, accept=[]) as camera:
        with pytest.raises(Disconnected, match=words):
            await anext(camera)


@pytest.mark.parametrize("message", ["", "{}", '{"type":"pong","sent":1,"clock":1,"utc":""}', b"", b"PIS1"])
async def test_what_does_not_welcome_is_no_service(message: str | bytes) -> None:
    """Whatever it says first."""
    async with _service(message) as url:
        with pytest.raises(Disconnected):
            async with pi_stream.connect(url, accept=[]):
                pass


async def test_numbers_and_messages_that_make_no_sense_do_no_harm() -> None:
    """An answer that nobody waits for, a time beyond all, a message of a later version."""
    odd = [
        '{"type":"pong","sent":1e308,"clock":99999999999999999999,"utc":""}',
        '{"type":"pong","sent":-1,"clock":-1,"utc":""}',
        '{"type":"ok","re":"nobody"}',
        '{"type":"error","re":7,"code":"x","message":"y"}',
        '{"type":"later"}',
    ]
    frame = serialize_header(Packet("png", b"", 8, 4, 5, 0), 0) + _file("PNG")
    async with _service(WELCOME, *odd, frame) as url, pi_stream.connect(url, accept=[]) as camera:
        packet = await anext(camera)
    assert packet.seq == 5
    assert packet.image().shape == (4, 8, 3)
