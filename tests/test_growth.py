"""Hostile connections by the thousand leave nothing behind."""

import asyncio
import gc
import logging
import os
import random
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from pi_stream.server.connection.http_protocol import HttpReader
from tests.raw import HANDSHAKE, ask, connect, framed
from tests.running import PATIENCE, Running, running
from tests.test_server_violations import VIOLATIONS
from tests.test_server_wellformed import ANSWERED, SMUGGLED, STRANGE

_CONNECTIONS = 1500  # and a third of that before, for caches to be filled
_ROUNDS = 3  # what is left behind is left in each; a cache that fills late, or another thread, grows in one
_AT_ONCE = 25
_HANDSHAKE = HANDSHAKE.format(path="/ws", version="HTTP/1.1").encode()
_TEXT = HANDSHAKE.format(path="/ws/text", version="HTTP/1.1").encode()
_STREAM = b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n"
_WATCH = framed(b'{"type":"watch","accept":["jpeg"],"acks":true}')

# What is sent at first, and once there is an answer.
_TALKS: list[tuple[bytes, bytes]] = [
    *(
        (each.encode("latin-1"), b"")
        for each in (*SMUGGLED.values(), *STRANGE.values())
        if "/styles/page.css" not in each
    ),
    # aiohttp leaves a file that it serves to the interpreter to close, when who asked for it goes away: that is seen as
    # soon as it happens, and told by pytest as a mistake of ours.
    *((each.encode("latin-1"), b"") for each, _ in ANSWERED.values() if "/styles/page.css" not in each),
    *((_HANDSHAKE, sent) for sent, _ in VIOLATIONS.values() if len(sent) < 10_000),
    *((_TEXT, sent) for sent, _ in VIOLATIONS.values() if len(sent) < 10_000),
    *((_HANDSHAKE, _WATCH + bytes(cut)) for cut in range(20)),
    (_STREAM, b""),
    (_STREAM, b"\0\1\2"),
    (_HANDSHAKE + _WATCH, b""),
]
_UNANSWERED = [b"", b"G", _HANDSHAKE[:40], _HANDSHAKE[:-1]]


async def _talk(service: Running, chance: random.Random) -> None:
    """One connection: it says something wrong, hears some of the answer or none, and goes politely or not."""
    reader, writer = await connect(service)
    with suppress(ConnectionError):
        if chance.random() < 0.1:
            writer.write(chance.choice(_UNANSWERED))
        else:
            first, second = chance.choice(_TALKS)
            writer.write(first)
            if chance.random() < 0.8:
                await asyncio.wait_for(reader.read(chance.choice((1, 1000, 30_000))), PATIENCE)
                writer.write(second)
            if second and chance.random() < 0.5:
                await asyncio.wait_for(reader.read(1000), PATIENCE)
        if chance.random() < 0.5:
            writer.transport.abort()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def _talks(service: Running, count: int, chance: random.Random) -> None:
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def talk() -> None:
        async with at_once:
            await _talk(service, chance)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(count):
            tasks.create_task(talk())


async def _all_gone(tasks: int, others: int) -> tuple[int, int]:
    """How many files are open, and blocks of memory in use, when nothing is left of any connection but `others`."""
    while len(asyncio.all_tasks()) > tasks or _connections() > others:  # noqa: ASYNC110 - nobody tells of either
        await asyncio.sleep(0.1)
    return len(os.listdir("/proc/self/fd")), sys.getallocatedblocks()  # noqa: PTH208


def _connections() -> int:
    gc.collect()
    return sum(isinstance(each, HttpReader) for each in gc.get_objects())


async def test_hostile_connections_leave_nothing_behind(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a task, nor a file descriptor, nor memory, nor a traceback in the log; and the service goes on."""
    caplog.set_level(logging.ERROR, "pi_stream.server.refusals")  # what is kept of them here would count as growth
    chance = random.Random(1)  # noqa: S311 - the same in every run
    async with running(tmp_path) as service, asyncio.timeout(10 * PATIENCE):
        tasks, others = len(asyncio.all_tasks()), _connections()  # others: of tests before, in loops that are closed
        await _talks(service, _CONNECTIONS // 3, chance)
        files, blocks = await _all_gone(tasks, others)
        grown = []
        for _ in range(_ROUNDS):
            await _talks(service, _CONNECTIONS, chance)
            files_after, blocks_after = await _all_gone(tasks, others)
            assert files_after <= files
            grown.append(blocks_after - blocks)
            blocks = blocks_after
            if grown[-1] < _CONNECTIONS // 3:  # one small object for each websocket would be more
                break
        else:
            pytest.fail(f"{_CONNECTIONS} connections leave blocks of memory behind each time: {grown}")
        assert (await ask(service, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")).status == 200
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
