"""What every answer tells a browser, on a real socket."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from pi_stream.server.app import application
from tests.running import PATIENCE, Running, http, running


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path, 'server.origins=["http://home.lan:8123"]') as service:
        yield service


@pytest.fixture
async def session(service: Running) -> AsyncIterator[aiohttp.ClientSession]:
    async with http(service) as session:
        yield session


async def test_every_answer_has_the_headers(service: Running, session: aiohttp.ClientSession) -> None:
    """Of every route, of what is refused and of what does not exist; none names the library and its version."""
    routes = application(service.context).router.routes()
    paths = {
        (route.method, route.resource.canonical.replace("{id}", "c1").replace("{camera}", "camera"))
        for route in routes
        if route.resource
    }
    for method, path in sorted({*paths, ("GET", "/nothing"), ("DELETE", "/ws"), ("OPTIONS", "/")}):
        async with session.request(method, path[1:]) as answer:
            headers = answer.headers
        policy = dict(each.split(" ", 1) for each in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'self'"
        assert policy["frame-ancestors"] == "'self' http://home.lan:8123"
        assert policy["object-src"] == policy["base-uri"] == "'none'"
        assert policy["form-action"] == "'self'"
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "camera=()" in headers["Permissions-Policy"]
        assert headers["Server"] == "pi-stream"
        assert headers["Cache-Control"] in ("no-cache", "no-store")
        shown = path.removeprefix("/cameras/camera") in ("/stream.mjpg", "/snapshot.jpg", "/snapshot.png")
        assert headers["Cross-Origin-Resource-Policy"] == ("cross-origin" if shown else "same-origin"), path
        assert "Access-Control-Allow-Origin" not in headers


async def test_a_websockets_handshake_has_them_too(service: Running) -> None:
    """It is an answer like any other."""
    async with service.socket() as connection:
        assert connection.response is not None
        assert connection.response.headers["X-Content-Type-Options"] == "nosniff"
        assert connection.response.headers["Server"] == "pi-stream"


@pytest.mark.parametrize("request_line", [b"\x16\x03\x01\x02", b"GET / HTTP/9.9", b"GET", b"GET /\x00 HTTP/1.1"])
async def test_what_is_no_http_learns_no_version_either(service: Running, request_line: bytes) -> None:
    """The library answers it by itself, before any code of ours."""
    port = int(service.url.rstrip("/").rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_line + b"\r\nHost: localhost\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()
    assert answer.startswith(b"HTTP/1.")
    assert b"400" in answer.split(b"\r\n")[0]
    assert b"aiohttp" not in answer
    assert b"Python" not in answer
