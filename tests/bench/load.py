"""What many viewers cost whom they watch: CPU per frame delivered, and what each of them gets."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass

from tests.bench import meter
from tests.bench.parties import Party

SETTLE = 1.5  # seconds, in which everybody connects and sockets find their sizes


@dataclass(frozen=True)
class Load:
    """One interval. CPU in percent of one core and in microseconds per frame delivered, memory in MiB, ages in ms."""

    viewers: int
    cpu_percent: float
    cpu_us: float
    fps: float
    fps_least: float
    frame_bytes: float
    memory_mb: float
    age_p50_ms: float | None
    age_p95_ms: float | None
    lost: int
    crowd_cpu_percent: float


async def load(party: Party, kind: str, path: str, viewers: int, seconds: float) -> Load:
    """Have so many viewers of a kind (see crowd) watch `path` of a party, and measure it for so long."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.crowd", kind, party.url + path, str(viewers), str(SETTLE), str(seconds)),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ,
    )
    assert child.stdout is not None
    try:
        async with asyncio.timeout(30 + SETTLE + seconds):
            await child.stdout.readline()
            before = meter.cpu_seconds(party.pid)
            line = await child.stdout.readline()
            cpu = meter.cpu_seconds(party.pid) - before
            memory = meter.memory_mb(party.pid)
            await child.wait()
    except BaseException:
        child.kill()
        raise
    if not line:
        raise RuntimeError("the viewers ended early")
    told = json.loads(line)
    return Load(
        viewers=viewers,
        cpu_percent=100 * cpu / told["seconds"],
        cpu_us=1e6 * cpu / max(1, told["frames"]),
        fps=told["fps"],
        fps_least=told["fps_least"],
        frame_bytes=told["bytes"] / max(1, told["frames"]),
        memory_mb=memory,
        age_p50_ms=told["age_p50_ms"],
        age_p95_ms=told["age_p95_ms"],
        lost=told["lost"],
        crowd_cpu_percent=told["crowd_cpu_percent"],
    )


async def idle(party: Party, seconds: float) -> float:
    """CPU in percent of one core while nobody watches."""
    await asyncio.sleep(SETTLE)
    before = meter.cpu_seconds(party.pid)
    await asyncio.sleep(seconds)
    return 100 * (meter.cpu_seconds(party.pid) - before) / seconds
