"""Addresses that come after the service, and connections whose other end has gone."""

import asyncio
import socket
from pathlib import Path

import pytest

from tests.running import PATIENCE, running


async def test_new_addresses_are_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log is told of an address when it comes, and not again when it goes and comes back."""
    found: list[tuple[str, ...]] = [("localhost",)]
    monkeypatch.setattr("pi_stream.server.app.addresses", lambda _: found[0])
    monkeypatch.setattr("pi_stream.server.app._ADDRESS_CHECK_PERIOD_S", 0.01)
    caplog.set_level("INFO", logger="pi_stream.server.app")

    async def told(address: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while not any(address in message for message in caplog.messages):  # noqa: ASYNC110 - of a list of messages
                await asyncio.sleep(0.01)

    async with running(tmp_path):
        for each in ("192.0.2.1", "192.0.2.2"):
            found[0] = ("localhost", each)
            await told(each)
        found[0] = ("localhost",)
        await asyncio.sleep(0.05)
        found[0] = ("localhost", "192.0.2.1", "192.0.2.3")
        await told("192.0.2.3")
    assert [message.count("192.0.2.1") for message in caplog.messages if "the page is now at" in message] == [1, 0, 0]


async def test_the_kernel_asks_whether_the_other_end_is_there(tmp_path: Path) -> None:
    """A connection on which nobody speaks is asked after 15 seconds, and given up after 15 more."""
    async with running(tmp_path) as service:
        _, port = service.url.rstrip("/").rsplit(":", 1)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
        try:
            writer.write(b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
            writer.write(b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
            assert (await asyncio.wait_for(reader.readline(), PATIENCE)).startswith(b"HTTP/1.1 101")
            async with asyncio.timeout(PATIENCE):
                while not list(service.context.stalls):  # noqa: ASYNC110 - of a dictionary
                    await asyncio.sleep(0.01)
            (accepted,) = (each.get_extra_info("socket") for each in service.context.stalls)
            options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            assert [accepted.getsockopt(socket.IPPROTO_TCP, each) for each in options] == [15, 5, 3]
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        finally:
            writer.close()
            await writer.wait_closed()
