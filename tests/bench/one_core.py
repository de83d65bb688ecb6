"""The service on one core, with every encoding watched at full size: does its event loop still get its turn?"""

import asyncio
import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.parties import film, pi_stream
from tests.bench.soak import visit

_ENCODINGS = ("jpeg", "png", "i420", "rgba")


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
            for encoding in _ENCODINGS:
                tasks.create_task(visit(running.url, encoding, seconds, breaks_off=False, quality=80))
        told = await asyncio.to_thread(_metrics, running.url)
    finally:
        await party.__aexit__(None, None, None)
    return {f"p{share}": 1000 * told[f"pi_stream_loop_lag_p{share}_seconds"] for share in (50, 99)}


def _metrics(url: str) -> dict[str, float]:
    with urllib.request.urlopen(url + "metrics", timeout=10) as answer:  # noqa: S310 - an address of ours
        lines = answer.read().decode().splitlines()
    named = (line.split() for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in named if "{" not in name}
