"""What callbacks and protocols raise."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from pi_stream.app import uncaught
from pi_stream.lib.handover import Handover
from pi_stream.server.websocket.ack_reader import AckReader
from pi_stream.server.websocket.framing import Framing


def _kept(told: list[BaseException]) -> Callable[[BaseException], bool]:
    def keep(error: BaseException) -> bool:
        told.append(error)
        return True

    return keep


def _raises(error: Exception) -> Callable[..., None]:
    def raise_it(*_: object) -> None:
        raise error

    return raise_it


async def _told(error: Exception, caplog: pytest.LogCaptureFixture) -> BaseException | None:
    """What `fail` is given when a callback of ours meets that error; None when it is logged instead."""
    loop, told = asyncio.get_running_loop(), list[BaseException]()
    uncaught.end_on_uncaught(loop, _kept(told))
    Handover(loop, _raises(error)).put(1)
    await asyncio.sleep(0)  # its turn is before ours
    assert len(told) + len(caplog.records) == 1
    return told[0] if told else None


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), KeyError("a bug"), TypeError("a bug")])
async def test_a_bug_in_a_callback_is_let_out(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """Itself, and it is not logged beside."""
    assert await _told(error, caplog) is error


@pytest.mark.parametrize("error", [OSError(24, "too many open files"), MemoryError()])
async def test_a_fault_of_the_system_is_no_bug(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the service goes on."""
    assert await _told(error, caplog) is None
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


@pytest.mark.parametrize("library", ["aiohttp.parser", "asyncio.sslproto"])
async def test_a_bug_of_others_ends_nothing(library: str, caplog: pytest.LogCaptureFixture) -> None:
    """Of a library that was called by us, or of nobody we know."""
    inside: dict[str, object] = {"__name__": library}
    exec("def parse(*_):\n    raise ZeroDivisionError", inside)  # noqa: S102 - a frame of theirs, without a bug of theirs
    loop = asyncio.get_running_loop()
    told: list[BaseException] = []
    uncaught.end_on_uncaught(loop, _kept(told))
    Handover(loop, inside["parse"]).put(1)  # type: ignore[arg-type]  # it is a function
    loop.call_soon(_raises(ZeroDivisionError()))
    await asyncio.sleep(0)
    assert len(caplog.records) == 2
    assert not told


async def test_a_bug_that_is_not_taken_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The service is ending for another reason already; this one is not lost."""
    loop = asyncio.get_running_loop()
    uncaught.end_on_uncaught(loop, lambda _error: False)
    Handover(loop, _raises(ZeroDivisionError("a bug"))).put(1)
    await asyncio.sleep(0)
    assert "a bug" in caplog.text


async def test_a_bug_in_a_protocol_is_let_out() -> None:
    """In the one that reads all websockets."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    told: list[BaseException] = []
    uncaught.end_on_uncaught(loop, _kept(told))
    error = ZeroDivisionError("a bug")

    class Greeted(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
            ended.set()

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            AckReader(transport, Framing(1000, 1000), _raises(error), _raises(AssertionError()))  # type: ignore[arg-type]

    server = await loop.create_server(Greeted, "127.0.0.1", 0)
    async with server, asyncio.timeout(10):
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"\x81\x82" + b"\0\0\0\0" + b"{}")
        await ended.wait()
        writer.close()
    assert told == [error]
