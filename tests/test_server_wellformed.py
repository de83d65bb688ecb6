"""Requests that are none, or nearly: each is answered by a clean status, and told in a line at most."""

import json
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.raw import ask, connect
from tests.running import Running, process, running

pytestmark = pytest.mark.asyncio(loop_scope="module")  # one service for all of them: none may harm it

HOST = "Host: localhost\r\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(tmp_path_factory.mktemp("state")) as service:
        yield service


def _post(*headers: str, body: str = "{}") -> str:
    return "\r\n".join(["POST /api/captions HTTP/1.1", "Host: localhost", *headers, "", body])


def _get(path: str = "/healthz", *headers: str, version: str = "HTTP/1.1", method: str = "GET") -> str:
    return "\r\n".join([f"{method} {path} {version}", "Host: localhost", *headers, "", ""])


def _handshake(name: str, value: str) -> str:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    headers = {**headers, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", name: value}
    return _get("/ws", *(f"{each}: {said}" for each, said in headers.items()))


def _chunked(body: str) -> str:
    return _post("Transfer-Encoding: chunked", body=body)


# What a proxy in front may read otherwise than this service, so that a second request is hidden in the first.
SMUGGLED = {
    "length and chunks": _post("Content-Length: 5", "Transfer-Encoding: chunked", body="0\r\n\r\n"),
    "two lengths": _post("Content-Length: 2", "Content-Length: 3"),
    "the same length twice": _post("Content-Length: 2", "Content-Length: 2"),
    "a list of lengths": _post("Content-Length: 2, 2"),
    "a length with a sign": _post("Content-Length: +2"),
    "a length below zero": _post("Content-Length: -2"),
    "a length in hexadecimal": _post("Content-Length: 0x2"),
    "a length of 2**80": _post(f"Content-Length: {2**80}"),
    "chunks by another name": _post("Transfer-Encoding: xchunked", body="0\r\n\r\n"),
    "chunks that are not last": _post("Transfer-Encoding: chunked, gzip", body="0\r\n\r\n"),
    "chunks twice": _post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body="0\r\n\r\n"),
    "no coding at all": _post("Transfer-Encoding: identity", body=""),
    "a space before the colon": _post("Transfer-Encoding : chunked", body="0\r\n\r\n"),
    "a folded line": _get("/healthz", "X-A: b", " c"),
    "CR alone": _get("/healthz", "X-A: b\rc"),
    "LF alone": "GET /healthz HTTP/1.1\nHost: localhost\n\n",
    "NUL in a value": _get("/healthz", "X-A: b\0c"),
    "NUL in a name": _get("/healthz", "X\0A: c"),
    "a header without a name": _get("/healthz", ": c"),
    "a header without a colon": _get("/healthz", "XA"),
    "a chunk of no size": _chunked("zz\r\n{}\r\n0\r\n\r\n"),
    "a chunk below zero": _chunked("-2\r\n{}\r\n0\r\n\r\n"),
    "a chunk of 2**72": _chunked("ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
    "a chunk that goes on": _chunked("2\r\n{}XX0\r\n\r\n"),
    "LF alone after a chunk's size": _chunked("2;a\nb\r\n{}\r\n0\r\n\r\n"),
    "NUL in a trailer": _chunked("2\r\n{}\r\n0\r\nbad\0trailer\r\n\r\n"),
    "a body that is a request": _get("/healthz", "Content-Length: 27") + "GET /api/captions HTTP/1.1\r\n" + HOST,
    "a request after the last one": _get("/healthz", "Connection: close") + _get("/api/captions"),
}
STRANGE = {
    "no HTTP": "\0\1\2\xff\r\n\r\n",
    "TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + 100 * "\xab",
    "SSH": "SSH-2.0-OpenSSH_9.6\r\n",
    "HTTP/2's first words": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/1.2": _get(version="HTTP/1.2"),
    "HTTP in small letters": _get(version="http/1.1"),
    "a method in small letters": _get(method="get"),
    "a method that is none": _get(method="G<script>T"),
    "a method of 5000 letters": _get(method=5000 * "A"),
    "a space first": " " + _get(),
    "a path without a slash": _get("healthz"),
    "a path of bytes": _get("/\xff\xfe"),
    "a host and a port alone": _get("localhost:80"),
    "a port beyond all": _get("http://localhost:99999/healthz"),
    "half an address": _get("http://[::1/healthz"),
    "an expectation of bytes nowhere": _get("/nowhere", "Expect: \xff"),
    "a date of the year 99999999999": _get(
        "/styles/page.css", "If-Modified-Since: Mon, 01 Jan 99999999999 00:00:00 GMT"
    ),
}
ANSWERED = {
    "a whole address": (_get("http://localhost/healthz"), 200),
    "the name of a user": (_get("http://a:b@localhost/healthz"), 200),
    "two slashes": (_get("//healthz"), 404),
    "a host after two slashes": (_get("//evil.example/healthz"), 404),
    "a path of 30000 letters": (_get("/" + 30_000 * "a"), 404),
    "a value of 30000 letters": (_get("/healthz", "X-A: " + 30_000 * "a"), 200),
    "a handshake with a key of bytes": (_handshake("Sec-WebSocket-Key", "\xe9"), 400),
    "a handshake with a version of bytes": (_handshake("Sec-WebSocket-Version", "\xe9"), 400),
    "a handshake with a connection of bytes": (_handshake("Connection", "\xe9, Upgrade"), 400),
    "a handshake with an upgrade of bytes": (_handshake("Upgrade", "websocket, \xe9"), 400),
    "a handshake with a protocol of bytes": (_handshake("Sec-WebSocket-Protocol", "\xe9"), 400),
    "a handshake with an extension of bytes": (_handshake("Sec-WebSocket-Extensions", "\xe9"), 400),
    "a way up": (_get("/../../etc/passwd"), 404),
    "a way up in percents": (_get("/%2e%2e/%2e%2e/etc/passwd"), 404),
    "NUL in percents": (_get("/index.html%00"), 404),
    "line breaks in percents": (_get("/%0d%0aX-Evil:%201"), 404),
    "percents that are none": (_get("/%zz"), 404),
    "a caption of no characters": (_get("/api/captions/%ff"), 404),
    "a tunnel": (_get("localhost:80", method="CONNECT"), 404),
    "the service itself": (_get("*", method="OPTIONS"), 404),
    "what may be done": (_get("/api/captions", method="OPTIONS"), 405),
    "an echo": (_get("/", method="TRACE"), 405),
    "the head of a stream": (_get("/stream.mjpg", method="HEAD"), 405),
    "the head of a websocket": (_get("/ws", method="HEAD"), 400),
    "another expectation": (_post("Content-Length: 2", "Expect: a-pony"), 417),
    "an expectation of bytes": (_get("/healthz", "Expect: \xff"), 417),
    "an expectation": (_post("Content-Length: 2", "Expect: 100-continue"), 400),
    "a way to HTTP/2": (_get("/healthz", "Connection: Upgrade", "Upgrade: h2c"), 200),
    "a cookie of bytes": (_get("/healthz", "Cookie: \xff;;;=;a=b=c;"), 200),
    "an unknown coding": (_post("Content-Length: 2", "Content-Encoding: foo"), 415),
    "a coding that is not here": (_post("Content-Length: 2", "Content-Encoding: br"), 415),
    "a chunk with an extension": (_chunked("2;a=b\r\n{}\r\n0\r\n\r\n"), 400),
    "a range of all": (_get("/styles/page.css", f"Range: bytes=0-{2**80}"), 206),
    "a range of 500": (_get("/styles/page.css", f"Range: bytes={','.join(500 * ['0-1'])}"), 416),
    "a range backwards": (_get("/styles/page.css", "Range: bytes=5-2"), 416),
    "a range behind the end": (_get("/styles/page.css", "Range: bytes=99999999-"), 416),
    "a range of 5000 digits": (_get("/styles/page.css", f"Range: bytes={5000 * '9'}-"), 416),
    "a range of superscripts": (_get("/styles/page.css", "Range: bytes=\xb2-\xb3"), 416),
    "a date that is none": (_get("/styles/page.css", "If-Modified-Since: Mon, 99 Foo 99999 99:99:99 GMT"), 200),
    "a query of bytes": (_get("/snapshot.jpg?width=%ff&quality=%00&fps=1e400"), 400),
    "a query of 5000 digits": (_get(f"/snapshot.jpg?width={5000 * '9'}"), 400),
    "a query that is no number": (_get("/stream.mjpg?fps=nan"), 400),
}


@pytest.mark.parametrize("request_", [*SMUGGLED.values(), *STRANGE.values()], ids=[*SMUGGLED, *STRANGE])
async def test_what_is_no_request_is_a_bad_request(
    service: Running, caplog: pytest.LogCaptureFixture, request_: str
) -> None:
    """400 with the reason, in one line of the log at most, and without what was sent in it."""
    caplog.set_level(logging.INFO)
    answer = await ask(service, request_.encode("latin-1"))
    assert answer.status == 400
    if answer.body:  # aiohttp 3.11 knows no more of some of them than that it failed
        assert json.loads(answer.body)["error"]["message"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    _check(service, caplog)


@pytest.mark.parametrize(("request_", "status"), ANSWERED.values(), ids=ANSWERED)
async def test_what_is_nearly_a_bad_request_is_answered(
    service: Running, caplog: pytest.LogCaptureFixture, request_: str, status: int
) -> None:
    """By a status that fits, and nothing is logged of it."""
    caplog.set_level(logging.INFO)
    answer = await ask(service, request_.encode("latin-1"))
    assert answer.status == status
    assert answer.headers["server"] == "pi-stream"
    if answer.headers["content-type"].startswith("application/json") and status >= 400 and answer.body:
        assert json.loads(answer.body)["error"]["message"]
    _check(service, caplog)


def _check(service: Running, caplog: pytest.LogCaptureFixture) -> None:
    assert service.stream.captions.all == ()
    records = [record for record in caplog.records if record.name != "pi_stream.sources.supervisor"]
    assert len(records) <= 1
    for record in records:
        assert record.exc_info is None
        assert record.levelno == logging.INFO
        assert re.fullmatch(r"127\.0\.0\.1 sent a malformed request \(\w+\); it was refused", record.getMessage())


@pytest.mark.parametrize("version", ["HTTP/0.9", "HTTP/2.0"])
async def test_a_version_that_is_not_spoken_is_refused(service: Running, version: str) -> None:
    """505, although the parser would let it pass."""
    reader, writer = await connect(service)
    writer.write(_get(version=version).encode())
    answer = await reader.read()
    writer.close()
    assert answer.startswith(f"{version} 505 ".encode())
    assert b"expected HTTP/1.1 or HTTP/1.0" in answer


async def test_requests_in_a_row_are_answered_one_by_one(service: Running) -> None:
    """In their order, each by its own answer."""
    reader, writer = await connect(service)
    writer.write((_get() + _get("/api/captions") + _get("/nothing", "Connection: close")).encode())
    answer = await reader.read()
    writer.close()
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.count(b"HTTP/1.1 404 Not Found") == 1
    assert answer.index(b'"ok":true') < answer.index(b'{"captions":[]}') < answer.index(b"not-found")


async def test_many_bad_requests_are_few_lines_in_the_log(tmp_path: Path) -> None:
    """Nobody fills the journal; and no bytes of a stranger are in it."""
    async with process(tmp_path) as service:
        for request in (*SMUGGLED.values(), *STRANGE.values()):
            assert (await ask(service, request.encode("latin-1"))).status == 400
        assert await service.stop() == 0
    told = [line for line in service.lines if "malformed request" in line]
    assert 1 <= len(told) <= 12  # one for each kind of mistake, as aiohttp tells them apart
    assert not [line for line in service.lines if "Traceback" in line or "script" in line]
