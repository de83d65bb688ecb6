"""Those who are measured, each as a process of its own: pi-stream, uStreamer, and a bare socket server."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.bench.film import FPS, HEIGHT, PICTURES, WIDTH

QUALITY = 80
PATIENCE = 20.0  # seconds
CAPTIONS: tuple[dict[str, object], ...] = (
    {"text": "Garage {time:%H:%M:%S}", "x": 0.02, "y": 0.03, "anchor": "top-left", "size": 0.05},
    {"text": "The door is never locked", "x": 0.98, "y": 0.97, "anchor": "bottom-right", "size": 0.06},
)
_HERE = Path(__file__).parent
_ROOM = tuple(
    f"{limit}=1000"
    for limit in (
        "stream.max_viewers",
        "stream.max_per_address",
        "limits.connections",
        "limits.connections_per_address",
    )
)  # for a crowd that comes from one address


@dataclass(frozen=True)
class Party:
    """Somebody to measure: the process, and where its pictures are (`url` ends in a slash)."""

    pid: int
    url: str


@asynccontextmanager
async def pi_stream(*assignments: str, captions: Sequence[dict[str, object]] = CAPTIONS) -> AsyncIterator[Party]:
    """The service with these settings, once it serves."""
    port = free_port()
    command = [sys.executable, "-m", "pi_stream", "serve", "--config", os.devnull]
    settings = ("server.host=127.0.0.1", f"server.port={port}", f"stream.quality={QUALITY}", *assignments)
    for each in (*settings, *_ROOM):
        command += ["--set", each]
    with tempfile.TemporaryDirectory(prefix="pi-stream-bench-") as state:
        async with _process(command, port, {"STATE_DIRECTORY": state}) as party:
            for caption in captions:
                await asyncio.to_thread(_put, party.url, caption)
            yield party


def film(path: Path) -> tuple[str, ...]:
    """The settings that show the film."""
    return ("camera.source=file", f"camera.path={path}", f"camera.fps={FPS}")


@asynccontextmanager
async def ustreamer(yuyv: Path, folder: Path) -> AsyncIterator[Party]:
    """uStreamer with the same pictures; its two workers are what its makers advise for two cores."""
    camera = folder / "film_camera.so"
    if not camera.exists():
        build = ["cc", "-O2", "-shared", "-fPIC", "-o", str(camera), str(_HERE / "film_camera.c"), "-ldl"]
        await asyncio.to_thread(subprocess.run, build, check=True)
    port = free_port()
    command = [
        *("ustreamer", "--device", str(yuyv), "--resolution", f"{WIDTH}x{HEIGHT}", "--desired-fps", str(FPS)),
        *("--format", "YUYV", "--quality", str(QUALITY), "--workers", "2", "--buffers", str(PICTURES)),
        *("--host", "127.0.0.1", "--port", str(port), "--log-level", "0"),
    ]
    film = {"LD_PRELOAD": str(camera), "FILM_SIDES": f"{WIDTH}x{HEIGHT}", "FILM_FPS": str(FPS)}
    async with _process(command, port, film) as party:
        yield party


@asynccontextmanager
async def bare(what: int | Path) -> AsyncIterator[Party]:
    """A server that writes so many bytes, or a y4m's pictures, to everybody FPS times a second: no more than that."""
    port = free_port()
    async with _process([sys.executable, "-m", "tests.bench.bare", str(port), str(what)], port, {}) as party:
        yield party


@asynccontextmanager
async def bare_page(y4m: Path) -> AsyncIterator[Party]:
    """A page that draws ready-made JPEGs of the film, FPS times a second, and does nothing else."""
    port = free_port()
    async with _process([sys.executable, "-m", "tests.bench.bare_page", str(port), str(y4m)], port, {}) as party:
        yield party


def has_ustreamer() -> bool:
    """Whether it is installed, and a compiler for its camera."""
    return bool(shutil.which("ustreamer") and shutil.which("cc"))


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@asynccontextmanager
async def serving(
    command: Sequence[str], port: int, environment: Mapping[str, str], said: IO[bytes]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process, once it listens on `port`; ended with the block. What it prints goes to the file `said`."""
    child = await asyncio.create_subprocess_exec(
        *command, stdout=said, stderr=asyncio.subprocess.STDOUT, env={**os.environ, **environment}
    )
    try:
        async with asyncio.timeout(PATIENCE):
            while not _listens(port):
                if child.returncode is not None:
                    said.seek(0)
                    raise RuntimeError(f"{command[0]} ended: {said.read().decode(errors='replace')}")
                await asyncio.sleep(0.02)
        yield child
    finally:
        if child.returncode is None:
            child.terminate()
            try:
                await asyncio.wait_for(child.wait(), PATIENCE)
            except TimeoutError:
                child.kill()
                await child.wait()


@asynccontextmanager
async def _process(command: Sequence[str], port: int, environment: dict[str, str]) -> AsyncIterator[Party]:
    """What it prints is shown only if it ends too early."""
    with tempfile.TemporaryFile() as said:
        async with serving(command, port, environment, said) as child:
            yield Party(child.pid, f"http://127.0.0.1:{port}/")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def metrics(url: str) -> dict[str, float]:
    """What pi-stream at `url` tells of itself, by its names of Prometheus; of several cameras, the sum.

    Raises OSError when it does not answer.
    """

    def read() -> list[str]:
        with urllib.request.urlopen(url + "metrics", timeout=PATIENCE) as answer:  # noqa: S310 - an address of ours
            lines: list[str] = answer.read().decode().splitlines()
        return lines

    found: dict[str, float] = {}
    for line in await asyncio.to_thread(read):
        name, _, value = line.rpartition(" ")
        name, _, labels = name.partition("{")
        if not line.startswith("#") and (not labels or labels.startswith("camera=")):
            found[name] = found.get(name, 0) + float(value)
    return found


def _put(url: str, caption: dict[str, object]) -> None:
    request = urllib.request.Request(  # noqa: S310 - an address of ours
        url + "api/captions", json.dumps(caption).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=PATIENCE).close()  # noqa: S310 - the same
