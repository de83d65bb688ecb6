"""Viewers that are killed: after each byte of their handshake, of what they say, and of what they are sent."""

import asyncio
import contextlib
import os
import socket
import ssl
import struct
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from pi_stream.captions import state_file
from tests.raw import HANDSHAKE, framed, port_of
from tests.running import PATIENCE, Process, free_port, http, messages_until, next_frame, process, say

_ROOM = ("stream.max_per_address=1000", "limits.messages=1000000")  # the neighbour pings as quickly as it can
_HELLO = HANDSHAKE.format(path="/ws", version="HTTP/1.1").encode()
_WATCH = framed(b'{"type":"watch","accept":["jpeg"]}')
_LATER = range(60, 20_000, 997)  # bytes of messages, of the first frame and of a few after it


def _gone(connection: socket.socket) -> None:
    """Its process was killed: what it had read is acknowledged, and its end is told."""
    connection.close()


def _reset(connection: socket.socket) -> None:
    """Its machine knows nothing of the connection any more."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # socket(7)
    connection.close()


def _come(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def _shake_hands(port: int) -> socket.socket:
    connection = _come(port)
    connection.sendall(_HELLO)
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += connection.recv(1)
    return connection


def _die_everywhere(port: int, end: Callable[[socket.socket], None]) -> None:
    for sent in range(len(_HELLO) + 1):
        connection = _come(port)
        connection.sendall(_HELLO[:sent])
        end(connection)
    for sent in range(len(_WATCH)):
        connection = _shake_hands(port)
        connection.sendall(_WATCH[:sent])
        end(connection)
    for received in (*range(60), *_LATER):
        connection = _shake_hands(port)
        connection.sendall(_WATCH)
        left = received
        while left:
            left -= len(connection.recv(left))
        end(connection)


def _any_certificate() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _die_in_tls(port: int, end: Callable[[socket.socket], None]) -> None:
    """In the first message of the handshake (RFC 8446, clause 4.1.2), after it, and in what is said over TLS."""
    context, outgoing = _any_certificate(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost").do_handshake()
    hello = outgoing.read()
    for sent in (*range(0, len(hello), 5), len(hello)):
        connection = _come(port)
        connection.sendall(hello[:sent])
        end(connection)
    for received in range(1, 800, 50):  # of the service's part of the handshake
        connection = _come(port)
        connection.sendall(hello)
        connection.recv(received)
        end(connection)
    for sent in range(0, len(_HELLO) + 1, 16):
        secure = context.wrap_socket(_come(port), server_hostname="localhost")
        secure.sendall(_HELLO[:sent])
        end(secure)


async def _status(session: aiohttp.ClientSession) -> tuple[int, int]:
    """Viewers and channels that the service has."""
    async with session.get("api/status") as answer:
        status = await answer.json()
    return len(status["viewers"]), len(status["channels"])


def _descriptors(service: Process) -> int:
    return len(os.listdir(f"/proc/{service.process.pid}/fd"))  # noqa: PTH208 - a count


@pytest.mark.parametrize("end", [_gone, _reset])
async def test_nothing_is_left_of_viewers_that_are_killed(tmp_path: Path, end: Callable[[socket.socket], None]) -> None:
    """No viewer, no channel, no descriptor and no traceback; a viewer beside them sees every one come and go."""
    async with process(tmp_path, *_ROOM) as service, http(service) as session:
        async with service.socket() as neighbour:
            await _status(session)
            before = _descriptors(service)
            dying = asyncio.create_task(asyncio.to_thread(_die_everywhere, port_of(service), end))
            while not dying.done():
                await say(neighbour, "ping", sent=1)
                await messages_until(neighbour, "pong")
            await dying
            await say(neighbour, "watch", accept=["jpeg"])
            await next_frame(neighbour)
            async with asyncio.timeout(PATIENCE):
                while await _status(session) != (1, 1) or _descriptors(service) > before:
                    await next_frame(neighbour)
        assert await service.stop() == 0
        assert "Traceback" not in "".join(service.lines)


@pytest.mark.parametrize("end", [_gone, _reset])
async def test_nothing_is_left_of_those_who_are_killed_in_tls(
    tmp_path: Path, end: Callable[[socket.socket], None]
) -> None:
    """Neither a descriptor nor a traceback."""
    async with (
        process(tmp_path, "tls.mode=self-signed") as service,
        aiohttp.ClientSession(service.url, connector=aiohttp.TCPConnector(ssl=_any_certificate())) as session,
    ):
        await _status(session)
        before = _descriptors(service)
        await asyncio.to_thread(_die_in_tls, port_of(service), end)
        async with asyncio.timeout(PATIENCE):
            while await _status(session) != (0, 0) or _descriptors(service) > before:
                pass
        assert await service.stop() == 0
        assert "Traceback" not in "".join(service.lines)


async def test_after_a_sigkill_the_port_is_free_at_once_and_the_captions_are_there(tmp_path: Path) -> None:
    """With viewers connected, whose ends of the connections linger."""
    port = f"server.port={free_port()}"
    async with process(tmp_path, port) as service, http(service) as session, service.socket() as viewer:
        await say(viewer, "watch", accept=["rgba"])
        await next_frame(viewer)
        for text in ("one", "two"):
            async with session.post("api/captions", json={"text": text}) as answer:
                assert answer.status == 201
        async with asyncio.timeout(PATIENCE):  # the answer does not wait for the disk
            while len((await asyncio.to_thread(state_file.load, tmp_path / "captions.json")).captions) < 2:
                await next_frame(viewer)
        service.process.kill()
        await service.ended()
        async with process(tmp_path, port) as again, http(again) as after, after.get("api/captions") as answer:
            assert [each["text"] for each in (await answer.json())["captions"]] == ["one", "two"]
