"""The service on one core, with every encoding watched at full size: does its event loop still get its turn?"""

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import websockets

from tests.bench.parties import film, metrics, pi_stream
from tests.soak.visitors import ENCODINGS, take


@contextmanager
def on_cores(cores: set[int]) -> Iterator[None]:
    """What is started in this block runs on these cores alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


async def lag(y4m: Path, seconds: float) -> dict[str, float]:
    """How late the loop was, in ms, by the service's own account: the 50th and the 99th percentile."""
    *_, last = sorted(os.sched_getaffinity(0))
    with on_cores({last}):
        party = pi_stream(*film(y4m))
        running = await party.__aenter__()
    try:
        async with asyncio.TaskGroup() as tasks:
            for encoding in ENCODINGS:
                tasks.create_task(_watch(running.url, encoding, seconds))
        told = await metrics(running.url)
    finally:
        await party.__aexit__(None, None, None)
    return {f"p{share}": 1000 * told[f"pi_stream_loop_lag_p{share}_seconds"] for share in (50, 99)}


async def _watch(url: str, encoding: str, seconds: float) -> None:
    async with websockets.connect(url.replace("http", "ws") + "ws", compression=None, max_size=2**26) as connection:
        wanted = {"type": "watch", "accept": [encoding], "quality": 80, "acks": True}
        await connection.send(json.dumps(wanted))
        await take(connection, seconds, acks=True)
