"""Single steps: encoding a frame of the film, and the way from nothing to the first picture."""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

from pi_stream.encoders import ENCODERS
from pi_stream.media.encodings import Encoding
from tests.bench.crowd import Tally, WebSocketViewer
from tests.bench.film import HEIGHT, WIDTH, frames
from tests.bench.parties import PATIENCE, QUALITY, free_port

_FRAMES = 20


def encode(y4m: Path, encoding: Encoding) -> tuple[float, float]:
    """Milliseconds of wall time and of CPU, over all threads, for one frame: the medians of some."""
    encoder = ENCODERS[encoding](WIDTH, HEIGHT, QUALITY)
    walls, cpus = [], []
    for frame in islice(frames(y4m), _FRAMES):
        wall, cpu = time.perf_counter(), time.process_time()
        encoder.encode(frame)
        cpus.append(1000 * (time.process_time() - cpu))
        walls.append(1000 * (time.perf_counter() - wall))
    return statistics.median(walls), statistics.median(cpus)


class _First(Tally):
    """Tells when the first frame is there."""

    def __init__(self) -> None:
        super().__init__(1)
        self.came = asyncio.get_running_loop().create_future()

    def note(self, viewer: int, size: int, captured: int | None) -> None:  # noqa: ARG002 - any frame will do
        """See Tally."""
        if not self.came.done():
            self.came.set_result(time.monotonic())


async def start(*assignments: str) -> float:
    """Seconds from starting the process to the first frame at a viewer that knocks all the time."""
    loop = asyncio.get_running_loop()
    port = free_port()
    command = [sys.executable, "-m", "pi_stream", "serve", "--config", os.devnull]
    for each in ("server.host=127.0.0.1", f"server.port={port}", *assignments):
        command += ["--set", each]
    with tempfile.TemporaryDirectory(prefix="pi-stream-bench-") as state:
        first = _First()
        began = time.monotonic()
        quiet = asyncio.subprocess.DEVNULL
        child = await asyncio.create_subprocess_exec(
            *command, stdout=quiet, stderr=quiet, env={**os.environ, "STATE_DIRECTORY": state}
        )
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    try:
                        transport, _ = await loop.create_connection(
                            lambda: WebSocketViewer(0, first, "/ws"), "127.0.0.1", port
                        )
                        break
                    except ConnectionRefusedError:
                        await asyncio.sleep(0.005)
                took: float = await first.came - began
            transport.abort()
        finally:
            child.terminate()
            await child.wait()
    return took
