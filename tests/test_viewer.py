"""The Python viewer against a running service."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from websockets import Subprotocol
from websockets.asyncio.server import ServerConnection, serve

import pi_stream
from pi_stream.client.address import websocket_url
from pi_stream.errors import BadMessage, Disconnected, NotFound, Unsupported
from pi_stream.protocol import VERSION
from pi_stream.sources.synthetic.pattern import read_seq
from tests.running import PATIENCE, Running, running


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as service:
        yield service


@pytest.mark.parametrize("encoding", ["jpeg", "png", "i420", "rgba"])
async def test_packets_are_pictures(service: Running, encoding: str) -> None:
    """Each is an array of R, G, B with the frame's burnt-in number, younger than a second."""
    async with asyncio.timeout(PATIENCE), pi_stream.connect(service.url, accept=[encoding]) as camera:
        seqs = []
        async for packet in camera:
            picture = packet.image()
            assert picture.shape == (180, 320, 3)
            assert picture.dtype == np.uint8
            assert packet.encoding == encoding
            luma = picture.astype(float) @ (0.299, 0.587, 0.114)
            assert read_seq(np.rint(luma).astype(np.uint8)) == packet.seq
            assert picture[5, 5].min() > 250  # the first bar is white
            seqs.append(packet.seq)
            if len(seqs) > 5 and packet.age_ms is not None:
                break
        assert seqs == sorted(set(seqs))
        assert packet.age_ms is not None
        assert abs(packet.age_ms) < 1000  # the clocks are compared over a socket, which a busy machine delays
        assert camera.watching is not None
        assert camera.watching.encoding == encoding
        assert camera.welcome.source.kind == "synthetic"


async def test_a_slow_viewer_gets_the_newest_picture(service: Running) -> None:
    """Whoever looks once in a while sees now, not what was queued: acks hold the rest back at the service."""
    async with (
        asyncio.timeout(PATIENCE),
        pi_stream.connect(service.url, width=160) as slow,
        pi_stream.connect(service.url, width=160) as fast,
    ):
        now = 0
        async for packet in slow:
            assert packet.seq >= now - 1
            if now > 60:
                break
            async for other in fast:  # something else is done for a while
                now = other.seq
                if now > packet.seq + 20:
                    break
        assert packet.image().shape == (90, 160, 3)


async def test_captions_are_put_and_deleted_while_pictures_come(service: Running) -> None:
    """Answers and pictures share the connection."""
    async with asyncio.timeout(PATIENCE), pi_stream.connect(service.url) as camera:
        caption = None
        async for _ in camera:
            if caption is None:
                caption = await camera.put_caption("hello {seq}", x=0.5, id="mine")
            elif caption in camera.captions:
                break
        assert [each.id for each in service.stream.captions.all] == ["mine"]
        await camera.delete_caption("mine")
        assert service.stream.captions.all == ()
        await camera.say("done")


async def test_what_is_refused_raises_the_services_own_words(service: Running) -> None:
    """With an error for each kind of refusal."""
    async with asyncio.timeout(PATIENCE), pi_stream.connect(service.url, accept=()) as camera:
        with pytest.raises(BadMessage, match="tmie"):
            await camera.put_caption("{tmie}")
        with pytest.raises(BadMessage, match=r"captions\.size: expected a number from 0\.01 to 1"):
            await camera.put_caption("x", size=5)
        with pytest.raises(NotFound, match="c99"):
            await camera.delete_caption("c99")
        with pytest.raises(Unsupported, match="synthetic"):
            await camera.set_controls(ExposureTime=100)
    with pytest.raises(Unsupported, match="h264"):
        await pi_stream.connect(service.url, accept=["h264"]).__aenter__()


async def test_a_service_that_goes_away_ends_the_pictures(tmp_path: Path) -> None:
    """With the reason, wherever one waits."""
    async with running(tmp_path) as service:
        camera = await pi_stream.connect(service.url).__aenter__()
        pictures = aiter(camera)
        await anext(pictures)
    with pytest.raises(Disconnected, match="stopping"):
        await _exhaust(pictures)
    with pytest.raises(Disconnected):
        await camera.say("hello?")
    with pytest.raises(Disconnected, match="stopping"):
        await asyncio.wait_for(anext(pictures), PATIENCE)
    await camera.__aexit__(None, None, None)


async def test_who_iterates_while_the_viewer_is_closed_is_told(service: Running) -> None:
    """Nobody waits for ever."""
    async with asyncio.timeout(PATIENCE), pi_stream.connect(service.url, fps=0.01) as camera:
        await anext(camera)
        waiting = asyncio.ensure_future(anext(camera))
        await asyncio.sleep(0)
    with pytest.raises(Disconnected, match="closed"):
        await asyncio.wait_for(waiting, PATIENCE)


async def test_a_connection_that_is_given_up_is_closed() -> None:
    """Also while it waits for a welcome that never comes."""
    gone = asyncio.Event()
    arrived = asyncio.Event()

    async def mute(connection: ServerConnection) -> None:
        arrived.set()
        await connection.wait_closed()
        gone.set()

    async with asyncio.timeout(PATIENCE), serve(mute, "127.0.0.1", 0, subprotocols=[Subprotocol(VERSION)]) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        connecting = asyncio.ensure_future(pi_stream.connect(f"127.0.0.1:{port}").__aenter__())
        await arrived.wait()
        connecting.cancel()
        await gone.wait()
        assert connecting.cancelled() or connecting.cancelling()


async def test_nobody_at_the_address_is_told() -> None:
    """Whether nothing listens or something else does."""
    with pytest.raises(Disconnected, match="no pi-stream answers"):
        await pi_stream.connect("http://127.0.0.1:9").__aenter__()

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(other, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Disconnected, match="no pi-stream answers"):
            await pi_stream.connect(f"127.0.0.1:{port}").__aenter__()


async def _exhaust(pictures: AsyncIterator[object]) -> None:
    async with asyncio.timeout(PATIENCE):
        async for _ in pictures:
            pass


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://pi.local:8000", "ws://pi.local:8000/ws"),
        ("http://pi.local:8000/", "ws://pi.local:8000/ws"),
        ("https://home/cam/", "wss://home/cam/ws"),
        ("ws://pi.local/ws", "ws://pi.local/ws"),
        ("pi.local:8000", "ws://pi.local:8000/ws"),
        ("http://[::1]:8000", "ws://[::1]:8000/ws"),
        ("http://pi.local:8000/cameras/garden/", "ws://pi.local:8000/cameras/garden/ws"),
        ("ws://pi.local:8000/cameras/garden/ws", "ws://pi.local:8000/cameras/garden/ws"),
    ],
)
def test_the_websocket_lies_beside_the_page(url: str, expected: str) -> None:
    """Whatever one copies from the browser's address line is right."""
    assert websocket_url(url) == expected


@pytest.mark.parametrize("url", ["ftp://pi", "http://", "", "http://[", "pi:99999"])
def test_what_is_no_address_is_refused(url: str) -> None:
    """With an example of one."""
    with pytest.raises(BadMessage, match="expected an address such as"):
        websocket_url(url)


def test_a_password_in_the_address_that_is_no_utf8_is_refused() -> None:
    """Nothing else is sent in its place."""
    with pytest.raises(BadMessage, match="the password in the address: expected percent escapes of UTF-8"):
        pi_stream.connect("http://any:%ff@pi.local")


def test_an_impossible_wish_is_refused_before_anything_is_sent() -> None:
    """As the service would refuse it."""
    with pytest.raises(BadMessage, match=r"watch\.fps: expected a number above 0"):
        pi_stream.connect("pi.local", fps=-1)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://pi.local:8000", "ws://pi.local:8000/cameras/garden/ws"),
        ("https://home/cam/", "wss://home/cam/cameras/garden/ws"),
        ("ws://pi.local/ws", "ws://pi.local/cameras/garden/ws"),
        ("http://pi.local/cameras/garden", "ws://pi.local/cameras/garden/ws"),
        ("http://pi.local/cameras/garden/", "ws://pi.local/cameras/garden/ws"),
    ],
)
def test_a_camera_is_named_beside_the_address_or_in_it(url: str, expected: str) -> None:
    """Both may name the same one."""
    assert websocket_url(url, "garden") == expected


@pytest.mark.parametrize("name", ["", "Garden", "a/b", "..", "x" * 33, "g\n", "гараж"])
def test_what_is_no_name_of_a_camera_is_refused_before_anything_is_sent(name: str) -> None:
    """With what a name is."""
    with pytest.raises(BadMessage, match="camera: expected a name of 1 to 32 of a-z, 0-9 and -"):
        pi_stream.connect("http://pi.local", camera=name)


def test_two_cameras_at_once_are_refused() -> None:
    """The one in the address, and another."""
    with pytest.raises(BadMessage, match="the address is that of 'door', got 'garden'"):
        pi_stream.connect("http://pi.local/cameras/door/", camera="garden")
