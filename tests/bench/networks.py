"""Fresh pictures over slow and far networks: a viewer with quality "auto", its rate and ages second by second.

    python -m tests.bench.networks [--rate MBIT] [--trip MS] [--seconds S] [--url URL]

Without a rate and a trip: the four networks of docs/network.md, one after the other, the proxy of the tests between.
With --url a service that is already there, on a network that is as it is.
"""

import argparse
import asyncio
import json
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import websockets

from pi_stream.protocol import parse_packet
from tests.proxy import proxy
from tests.running import process

FILM = Path(__file__).parents[1] / "media" / "bunny.mp4"
NETWORKS = ((2.0, 200.0), (10.0, 20.0), (None, 200.0), (None, 0.0))  # Mbit/s, ms there and back


@dataclass
class Seen:
    """What came: (seconds since the start, age in ms, bytes) of each frame, and what was said to be watched."""

    frames: list[tuple[float, float, int]] = field(default_factory=list)
    watching: list[tuple[float, str]] = field(default_factory=list)

    def rows(self, seconds: float, step: float = 5.0) -> list[str]:
        """A line for every few seconds."""
        lines = []
        begin = 0.0
        while begin < seconds:
            part = [(age, size) for at, age, size in self.frames if begin <= at < begin + step]
            if len(part) > 1:
                ages = sorted(age for age, _ in part)
                lines.append(
                    f"  {begin:3.0f}-{begin + step:<3.0f} s {len(part) / step:5.1f} fps   age p50 "
                    f"{statistics.median(ages):5.0f} ms  p95 {ages[int(len(ages) * 0.95)]:5.0f} ms"
                    f"   {sum(size for _, size in part) * 8 / step / 1e6:5.2f} Mbit/s"
                )
            begin += step
        return lines


async def watch(url: str, seconds: float, **wishes: object) -> Seen:
    """Watch over the websocket, acknowledging each frame as it comes. This machine's clock must be the service's."""
    seen, began = Seen(), time.monotonic()
    wanted = {"type": "watch", "accept": ["jpeg"], "quality": "auto", "acks": True, **wishes}
    async with websockets.connect(url.replace("http", "ws") + "ws", compression=None, max_size=2**26) as connection:
        await connection.send(json.dumps(wanted))
        while (now := time.monotonic()) - began < seconds:
            message = await asyncio.wait_for(connection.recv(), 30)
            now = time.monotonic()
            if isinstance(message, bytes):
                packet, _ = parse_packet(message)
                seen.frames.append((now - began, now * 1e3 - packet.captured / 1e3, len(message)))
                if wanted["acks"]:
                    await connection.send(json.dumps({"type": "ack", "seq": packet.seq}))
            elif (said := json.loads(message))["type"] == "watching":
                seen.watching.append((now - began, f"{said['width']} q{said['quality']} {said['fps']:g} fps"))
    return seen


async def watch_mjpg(url: str, seconds: float) -> Seen:
    """Read /stream.mjpg as fast as it comes."""
    seen, began = Seen(), time.monotonic()
    async with aiohttp.ClientSession() as session, session.get(url + "stream.mjpg") as answer:
        parts = aiohttp.MultipartReader.from_response(answer)
        while time.monotonic() - began < seconds and (part := await parts.next()) is not None:
            assert isinstance(part, aiohttp.BodyPartReader)
            size = len(await part.read())
            now = time.monotonic()
            seen.frames.append((now - began, now * 1e3 - int(part.headers["X-Captured"]) / 1e3, size))
    return seen


@contextmanager
def stopped(url: str) -> Iterator[None]:
    """A viewer that asks for the same pictures and reads nothing."""
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect((host, int(port)))
        reader.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        yield


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, help="Mbit/s")
    parser.add_argument("--trip", type=float, help="ms, there and back")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--url", help="of a service on this machine, or in a network namespace of it")
    parser.add_argument("--stopped", type=int, default=0, help="viewers beside it that read nothing")
    parser.add_argument("--viewer", choices=("auto", "fixed", "plain", "mjpg"), default="auto")
    given = parser.parse_args()
    wishes = {"fixed": {"quality": 80, "window": 2}, "plain": {"quality": 80, "acks": False}}.get(given.viewer, {})

    async def report(url: str, name: str) -> None:
        with ExitStack() as stack:
            for _ in range(given.stopped):
                stack.enter_context(stopped(url))
            watching = watch_mjpg(url, given.seconds) if given.viewer == "mjpg" else watch(url, given.seconds, **wishes)
            seen = await watching
        print(f"{name}, {given.viewer}")
        print("\n".join(seen.rows(given.seconds)))
        print("  " + "; ".join(f"{at:.1f} s {what}" for at, what in seen.watching))

    if given.url:
        await report(given.url, given.url)
        return
    networks = NETWORKS if given.rate is None and given.trip is None else ((given.rate, given.trip or 0.0),)
    with tempfile.TemporaryDirectory() as state:
        for rate, trip in networks:
            film = (
                f"camera.path={FILM}",
                "camera.source=file",
                "camera.width=1280",
                "camera.height=720",
                "stream.stall_timeout=60",
            )
            async with (
                process(Path(state), *film) as service,
                proxy(service.url, rate=None if rate is None else rate * 125_000, delay=trip / 2000) as between,
            ):
                await report(between.url, f"{'any' if rate is None else f'{rate:g}'} Mbit/s, {trip:g} ms")


if __name__ == "__main__":
    asyncio.run(main())
