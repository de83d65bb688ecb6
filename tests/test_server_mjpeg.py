"""/stream.mjpg on a real socket; those who read it slowly are in test_slow_viewers."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from PIL import Image

from tests.running import PATIENCE, Running, http, running


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as service:
        yield service


@pytest.fixture
async def session(service: Running) -> AsyncIterator[aiohttp.ClientSession]:
    async with http(service) as session:
        yield session


async def test_mjpeg_is_one_jpeg_after_the_other(
    service: Running, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """Each part says its length, and is a frame newer than the one before; who goes away leaves nothing in the log."""
    caplog.set_level("WARNING")
    async with session.get("stream.mjpg?fps=20&width=160&quality=50") as answer:
        assert answer.status == 200
        kind = answer.headers["Content-Type"]
        assert kind == "multipart/x-mixed-replace; boundary=frame"
        seqs = []
        assert await answer.content.readline() == b"--frame\r\n"
        for _ in range(3):
            headers = {}
            while line := (await answer.content.readline()).decode().strip():
                name, _, value = line.partition(": ")
                headers[name] = value
            assert headers["Content-Type"] == "image/jpeg"
            picture = Image.open(io.BytesIO(await answer.content.readexactly(int(headers["Content-Length"]))))
            assert picture.size == (160, 90)
            seqs.append(int(headers["X-Seq"]))
            assert await answer.content.readline() == b"\r\n"
            assert await answer.content.readline() == b"--frame\r\n"
        assert seqs == sorted(set(seqs))
        (encoding,) = service.stream.hub.channels
        assert encoding.settings.quality == 50
    assert encoding.task is not None
    await asyncio.wait_for(asyncio.wait({encoding.task}), PATIENCE)  # it ends at a write that finds nobody
    async with session.get("healthz") as answer:  # by now whatever there was to say of it is in the log
        assert answer.status == 200
    assert not caplog.records


async def test_mjpeg_is_the_same_for_those_who_know_only_http_1_0(service: Running) -> None:
    """Old tools, and some printers' screens: parts as they are, in no chunks."""
    host, port = service.url.partition("://")[2].rstrip("/").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    async with asyncio.timeout(PATIENCE):
        writer.write(b"GET /stream.mjpg?width=160 HTTP/1.0\r\nHost: localhost\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 OK" in head
        assert b"chunked" not in head
        assert await reader.readline() == b"--frame\r\n"
        for _ in range(3):
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            (length,) = [int(each.partition(": ")[2]) for each in lines if each.startswith("Content-Length")]
            assert Image.open(io.BytesIO(await reader.readexactly(length))).size == (160, 90)
            assert await reader.readexactly(11) == b"\r\n--frame\r\n"
    writer.close()
