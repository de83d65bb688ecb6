"""A whole service, running: in this process for speed, or as a process of its own where that is what counts."""

import asyncio
import json
import os
import secrets
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import websockets

from pi_stream.app.service import serve
from pi_stream.config.files import load
from pi_stream.features import CONFIG
from pi_stream.server.app import Server
from pi_stream.server.context import AppContext
from pi_stream.stream import Stream

SMALL = (
    "server.host=127.0.0.1",
    "server.port=0",
    'server.hosts=["pi.local"]',  # what the tests in a browser call it
    "camera.source=synthetic",
    "camera.width=320",
    "camera.height=180",
)
_FIRST_PORT, _PORT_RANGES, _PORTS_PER_WORKER = 12_000, 20, 1000
PATIENCE = 60.0  # seconds until a test says that something does not come


@dataclass(frozen=True)
class Running:
    """A service that runs: where it is, and what is inside."""

    url: str
    context: AppContext

    @property
    def stream(self) -> Stream:
        """Its first camera."""
        return self.context.streams.first

    def socket(self, path: str = "ws", **options: Any) -> websockets.connect:
        """A websocket to it, by a library that is not the service's."""
        return _socket(self.url, path, **{"ssl": self.trusted, **options})

    @property
    def trusted(self) -> ssl.SSLContext | None:
        """Trusts its certificate, and no other; None: it has none."""
        identity = self.context.identity
        return ssl.create_default_context(cadata=identity.certificate.public) if identity else None


def _socket(url: str, path: str, **options: Any) -> websockets.connect:
    return websockets.connect(
        url.replace("http", "ws") + path, max_size=2**26, compression=None, **{"proxy": None, **options}
    )


@asynccontextmanager
async def running(state: Path, *assignments: str, after_reload: Sequence[str] | None = None) -> AsyncIterator[Running]:
    """A service in this process, on a free port, with a small synthetic picture unless told otherwise.

    With `after_reload`, SIGHUP has it take over these assignments.
    """
    started: asyncio.Future[tuple[AppContext, Server]] = asyncio.get_running_loop().create_future()
    config = load(Path(os.devnull), [*SMALL, *assignments], CONFIG)
    reloaded = None if after_reload is None else load(Path(os.devnull), [*SMALL, *after_reload], CONFIG)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(
            serve(
                config,
                state=state,
                ready=lambda context, server: started.set_result((context, server)),
                read_again=None if reloaded is None else lambda: reloaded,
            )
        )
        context, server = await asyncio.wait_for(started, PATIENCE)  # a service that fails cancels this
        yield Running(server.urls[0], context)
        task.cancel()


class Process:
    """A service as a process of its own. Stop it with `stop`; `lines` is what it printed."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, lines: list[str]) -> None:
        self.process = process
        self.url = url
        self.lines = lines

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and wait for the exit code."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        return await self.ended()

    def socket(self, path: str = "ws", **options: Any) -> websockets.connect:
        """A websocket to it, by a library that is not the service's."""
        return _socket(self.url, path, **{"ssl": self.trusted, **options})

    @property
    def trusted(self) -> ssl.SSLContext | None:
        """Trusts the certificate that it shows, and no other; None: it shows none."""
        address = urlsplit(self.url)
        if address.scheme == "http" or address.hostname is None or address.port is None:
            return None
        return ssl.create_default_context(cadata=ssl.get_server_certificate((address.hostname, address.port)))

    async def ended(self) -> int:
        """Wait until it ends, whatever the reason, and for its exit code; `lines` has all that it printed then."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := (await self.process.stdout.readline()).decode():
                self.lines.append(line)
            return await self.process.wait()

    async def says(self, words: str) -> str:
        """The next line that it prints with these words in it."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := (await self.process.stdout.readline()).decode():
                self.lines.append(line)
                if words in line:
                    return line
        raise AssertionError(f"it ended without saying {words!r}: {''.join(self.lines)}")


@asynccontextmanager
async def process(
    state: Path,
    *assignments: str,
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
    launcher: Sequence[str] = (),
    module: str = "pi_stream",
    until: str = "Stop with",
) -> AsyncIterator[Process]:
    """`pi-stream serve`, small unless a file says otherwise, once it said that it is ready, or the line of `until`.

    A `launcher` is a command that becomes the one after it; `module` is run in the place of pi_stream.
    """
    command = [*launcher, sys.executable, "-m", module, "serve", "--config", str(config or os.devnull)]
    for assignment in (*(SMALL if config is None else ()), *assignments):
        command += ["--set", assignment]
    child = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "STATE_DIRECTORY": str(state), **(environment or {})},
    )
    assert child.stdout is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(PATIENCE):
            while not lines or not lines[-1].startswith(until):
                line = (await child.stdout.readline()).decode()
                assert line, f"pi-stream ended: {''.join(lines)}"
                lines.append(line)
        url = next((line.strip() for line in lines if line.startswith("  http")), "")
        yield Process(child, url, lines)
    finally:
        if child.returncode is None:
            child.kill()
        rest, _ = await child.communicate()
        print(rest.decode(), end="")  # noqa: T201 - a test that fails shows it


def free_port() -> int:
    """A port that was free a moment ago, and that nothing else takes meanwhile.

    It is below those that the kernel gives to whatever asks for any (32768 and more), and each of pytest's workers has
    a range of its own.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = _FIRST_PORT + worker % _PORT_RANGES * _PORTS_PER_WORKER
    while True:
        port = first + secrets.randbelow(_PORTS_PER_WORKER)  # another suite may run on this machine
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


async def messages_until(connection: websockets.ClientConnection, *kinds: str, **expected: object) -> dict[str, Any]:
    """The next text message of one of these types with these fields; others, and frames, are passed over."""
    async with asyncio.timeout(PATIENCE):
        async for message in connection:
            if isinstance(message, str):
                value: dict[str, Any] = json.loads(message)
                if value["type"] in kinds and all(value.get(name) == each for name, each in expected.items()):
                    return value
    raise AssertionError(f"the connection ended before {kinds} came")


async def next_frame(connection: websockets.ClientConnection) -> bytes:
    """The next binary message."""
    async with asyncio.timeout(PATIENCE):
        async for message in connection:
            if isinstance(message, bytes):
                return message
    raise AssertionError("the connection ended before a frame came")


async def say(connection: websockets.ClientConnection, kind: str, **fields: object) -> None:
    """Send one message."""
    await connection.send(json.dumps({"type": kind, **fields}))


@asynccontextmanager
async def http(running: Running | Process) -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP session with it; paths are relative to its root."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    connector = aiohttp.TCPConnector(ssl=trusted) if (trusted := running.trusted) is not None else None
    async with aiohttp.ClientSession(base_url=running.url, timeout=timeout, connector=connector) as session:
        yield session


def values(sequence: Sequence[dict[str, Any]], name: str) -> list[Any]:
    """One field of each."""
    return [each[name] for each in sequence]
