"""Hours in minutes: viewers come and go every second, and what the service holds must stay what it is.

    python -m tests.bench.soak [--seconds S] [--encodings jpeg,png,i420,rgba] [--film FILE]

One viewer stays. Every second another comes, for half a second to four, and leaves by closing or by breaking off. Each
half minute a line says what the service holds; the last says how far its memory drifted: the median of the last
quarter of the time against that of the second, for in the first it learns what it needs.
"""

import argparse
import asyncio
import json
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import websockets

from pi_stream.protocol import parse_packet
from tests.bench import meter
from tests.bench.networks import FILM
from tests.bench.parties import film, pi_stream

_LINE = 30  # seconds from line to line


@dataclass(frozen=True)
class Held:
    """What a process holds: MiB of memory, threads, open files; and the CPU that it took so far, in seconds."""

    memory_mb: float
    threads: int
    files: int
    cpu_seconds: float


def held(pid: int) -> Held:
    """What the process holds now."""
    threads, files = (len([*Path(f"/proc/{pid}", folder).iterdir()]) for folder in ("task", "fd"))
    return Held(meter.memory_mb(pid), threads, files, meter.cpu_seconds(pid))


async def visit(url: str, encoding: str, seconds: float, *, breaks_off: bool, **wishes: object) -> None:
    """Watch for so long, acknowledging each frame, and leave."""
    wanted = {"type": "watch", "accept": [encoding], "quality": "auto", "acks": True, **wishes}
    end = time.monotonic() + seconds
    async with websockets.connect(url.replace("http", "ws") + "ws", compression=None, max_size=2**26) as connection:
        await connection.send(json.dumps(wanted))
        while time.monotonic() < end:
            message = await asyncio.wait_for(connection.recv(), 30)
            if isinstance(message, bytes):
                await connection.send(json.dumps({"type": "ack", "seq": parse_packet(message)[0].seq}))
        if breaks_off:
            connection.transport.abort()


async def soak(url: str, pid: int, encodings: Sequence[str], seconds: int) -> list[Held]:
    """What was held, second by second. Prints as it goes."""
    chance = random.Random(0)  # noqa: S311 - the same visitors in every run
    told: list[Held] = []
    print("     s    MiB  threads  files  CPU %", flush=True)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(visit(url, encodings[0], seconds, breaks_off=False))
        began = time.monotonic()
        for second in range(1, seconds + 1):
            stay, breaks_off = chance.uniform(0.5, 4), chance.random() < 0.3
            tasks.create_task(visit(url, chance.choice(encodings), stay, breaks_off=breaks_off))
            await asyncio.sleep(began + second - time.monotonic())
            told.append(held(pid))
            if second % _LINE == 0:
                lately = told[-_LINE:]
                memory, threads, files = (
                    statistics.median(getattr(each, name) for each in lately)
                    for name in ("memory_mb", "threads", "files")
                )
                cpu = 100 * (lately[-1].cpu_seconds - lately[0].cpu_seconds) / (len(lately) - 1)
                print(f"{second:6} {memory:6.1f} {threads:8.0f} {files:6.0f} {cpu:6.1f}", flush=True)
    return told


def drift(told: Sequence[Held]) -> float:
    """How much more memory the last quarter held than the second, in percent; medians."""
    quarter = len(told) // 4
    early, late = told[quarter : 2 * quarter], told[-quarter:]
    return 100 * (statistics.median(h.memory_mb for h in late) / statistics.median(h.memory_mb for h in early) - 1)


async def _main(options: argparse.Namespace) -> None:
    async with pi_stream(*film(options.film)) as party:
        told = await soak(party.url, party.pid, options.encodings.split(","), options.seconds)
    print(f"drift of memory: {drift(told):+.2f} %; least {min(h.memory_mb for h in told):.0f} MiB, ", end="")
    print(f"most {max(h.memory_mb for h in told):.0f} MiB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--encodings", default="jpeg")
    parser.add_argument("--film", type=Path, default=FILM)
    asyncio.run(_main(parser.parse_args()))
