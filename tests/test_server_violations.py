"""Websocket frames that RFC 6455 forbids, written by hand: each ends its own connection, with the right close code."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.raw import HANDSHAKE, ask, connect, framed, raw_socket
from tests.running import PATIENCE, Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")  # one service for all of them: none may harm it

PING = b'{"type":"ping","sent":1}'
CLOSE, PONG = 0x8, 0xA
PATHS = ["/ws", "/ws/text"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(tmp_path_factory.mktemp("state")) as service:
        yield service


def _code(code: int) -> bytes:
    return framed(code.to_bytes(2, "big"), 0x88)


VIOLATIONS: dict[str, tuple[bytes, int]] = {
    "a reserved bit": (framed(PING, 0xC1), 1002),
    "another": (framed(PING, 0xA1), 1002),
    "the third": (framed(PING, 0x91), 1002),
    "a reserved opcode": (framed(PING, 0x83), 1002),
    "the last opcode of data": (framed(PING, 0x87), 1002),
    "a reserved opcode of control": (framed(b"", 0x8B), 1002),
    "the last opcode": (framed(b"", 0x8F), 1002),
    "a text without a mask": (framed(PING, masked=False), 1002),
    "a ping without a mask": (framed(b"", 0x89, masked=False), 1002),
    "a goodbye without a mask": (framed(b"\x03\xe8", 0x88, masked=False), 1002),
    "a ping in fragments": (framed(b"", 0x09), 1002),
    "a goodbye in fragments": (framed(b"\x03\xe8", 0x08), 1002),
    "a ping of 126 bytes": (framed(126 * b"x", 0x89), 1002),
    "a ping of 65536 bytes": (framed(65536 * b"x", 0x89), 1002),
    "a continuation of nothing": (framed(PING, 0x80), 1002),
    "a continuation of nothing that goes on": (framed(PING, 0x00), 1002),
    "a text within a text": (framed(b"{", 0x01) + framed(PING), 1002),
    "a text within an empty text": (framed(b"", 0x01) + framed(PING), 1002),
    "a beginning within a text": (framed(b"{", 0x01) + framed(b"{", 0x01), 1002),
    "bytes within a text": (framed(b"{", 0x01) + framed(b"{", 0x82), 1002),
    "an ack within a text": (framed(b"{", 0x01) + framed(b'{"type":"ack","seq":1}'), 1002),
    "a length of 2 bytes for one": (framed(PING, length=b"\x7e\x00" + bytes([len(PING)])), 1002),
    "a length of 8 bytes for two": (framed(300 * b" ", length=b"\x7f" + (300).to_bytes(8, "big")), 1002),
    "a length of 2**63": (framed(b"", length=b"\x7f" + (1 << 63).to_bytes(8, "big")), 1009),
    "a length of 2**63 - 1": (framed(b"", length=b"\x7f" + ((1 << 63) - 1).to_bytes(8, "big")), 1009),
    "one byte too many": (framed(65537 * b" "), 1009),
    "many too many, in fragments": (framed(40_000 * b" ", 0x01) + framed(40_000 * b" ", 0x00), 1009),
    "fragments without end": (framed(b"", 0x01) + 6000 * framed(b"", 0x00), 1008),
    "more pings than anybody needs": (6000 * framed(b"", 0x89), 1008),
    "no UTF-8": (framed(b"\xff\xfe"), 1007),
    "no UTF-8 in an ack": (framed(b'{"type":"ack","seq":1}\xff'), 1007),
    "half a character": (framed(b"\xed\xa0\x80"), 1007),
    "a character that goes on as none": (framed(b"\xce", 0x01) + framed(b"\xff", 0x80), 1007),
    "a goodbye of one byte": (framed(b"\x03", 0x88), 1002),
    "a goodbye with code 999": (_code(999), 1002),
    "a goodbye with a code for nobody": (_code(1004), 1002),
    "a goodbye with the code for none": (_code(1005), 1002),
    "a goodbye that is no UTF-8": (framed(b"\x03\xe8\xff", 0x88), 1007),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("sent", "code"), VIOLATIONS.values(), ids=VIOLATIONS)
async def test_what_the_rfc_forbids_ends_the_connection(
    service: Running, caplog: pytest.LogCaptureFixture, path: str, sent: bytes, code: int
) -> None:
    """With a close code that says what it was, and nothing in the log but a limit."""
    caplog.set_level(logging.INFO)
    async with raw_socket(service, path) as socket:
        socket.send(sent)
        body = await socket.receive_until(CLOSE)
        assert int.from_bytes(body[:2], "big") == code
        if code != 1009:  # there, a goodbye may be in the middle of what was announced
            socket.send(framed(body[:2], 0x88))
            await socket.end()
    assert {record.name for record in caplog.records} <= {"pi_stream.sources.supervisor", "pi_stream.server.refusals"}


GOOD = {
    "a ping between fragments": framed(PING[:5], 0x01) + framed(b"hi", 0x89) + framed(PING[5:], 0x80),
    "a ping between empty fragments": framed(b"", 0x01) + framed(b"hi", 0x89) + framed(PING, 0x80),
    "a character across fragments": framed(b"hi", 0x89) + framed(b'{"\xce', 0x01) + framed(b'\xb1":1}', 0x80),
    "as long as a message may be": framed(b"hi", 0x89) + framed(65536 * b" "),
    "125 bytes, and then 126": framed(b"hi", 0x89) + framed(125 * b" ") + framed(126 * b" "),
    "a pong that nobody asked for": framed(b"", 0x8A) + framed(b"hi", 0x89) + framed(PING),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("sent", GOOD.values(), ids=GOOD)
async def test_what_the_rfc_allows_is_answered(service: Running, path: str, sent: bytes) -> None:
    """However unusual: the ping by a pong, the message by a message."""
    answer = 0x1 if path == "/ws" else 0x2
    async with raw_socket(service, path) as socket:
        if path == "/ws":
            assert json.loads(await socket.receive_until(answer))["type"] == "welcome"
        socket.send(sent)
        assert await socket.receive_until(PONG) == b"hi"
        assert await socket.receive_until(answer)
        socket.send(_code(1000))
        assert await socket.receive_until(CLOSE) == b"\x03\xe8"


async def test_bytes_are_no_text(service: Running) -> None:
    """/ws says so and goes on, as with every message that it does not understand; /ws/text, which only draws, ends."""
    async with raw_socket(service, "/ws/text") as socket:
        socket.send(framed(PING, 0x82))
        assert await socket.receive_until(CLOSE) == b"\x03\xebexpected a text message"
    async with raw_socket(service) as socket:
        socket.send(framed(PING, 0x82))
        while (message := json.loads(await socket.receive_until(0x1)))["type"] != "error":
            pass
        assert message["message"] == "expected a text message, got a binary one"
        socket.send(framed(PING))
        while json.loads(await socket.receive_until(0x1))["type"] != "pong":
            pass


@pytest.mark.parametrize("path", PATHS)
async def test_frames_wait_for_the_answer_to_the_handshake(service: Running, path: str) -> None:
    """Clause 4.1: what comes behind it at once is refused, before it is taken for half of something else."""
    handshake = HANDSHAKE.format(path=path, version="HTTP/1.1").encode()
    for early in (framed(PING), framed(PING)[:3], framed(b'{"type":"ack","seq":1}')):
        reader, writer = await connect(service)
        writer.write(handshake + early)
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
        # aiohttp 3.11 finds what follows to be no HTTP before it has answered, and hangs up.
        assert answer == b"" or (answer.startswith(b"HTTP/1.1 400 ") and b"must wait" in answer)


@pytest.mark.parametrize("path", PATHS)
async def test_a_handshake_takes_http_1_1(service: Running, path: str) -> None:
    """Clause 4.1."""
    answer = await ask(service, HANDSHAKE.format(path=path, version="HTTP/1.0").encode())
    assert answer.status == 400
    assert "HTTP/1.1" in json.loads(answer.body)["error"]["message"]


async def test_who_does_not_say_goodbye_is_let_go_all_the_same(service: Running) -> None:
    """A viewer that was told of its mistake, and neither answers nor goes, is not waited for."""
    async with raw_socket(service) as socket:
        socket.send(framed(PING, masked=False))
        await socket.receive_until(CLOSE)
        await socket.end()
    async with asyncio.timeout(PATIENCE):
        while True:
            if service.context.viewers.count == 0:
                break
            await asyncio.sleep(0.05)
