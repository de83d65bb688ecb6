"""`make bench`, or `python -m tests.bench`: measure, print one table, and write it as JSON."""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections import defaultdict
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import get_args

from pi_stream.media.encodings import Encoding
from tests.bench import cameras, canvas, meter, one_core, steps
from tests.bench.canvas import Ages
from tests.bench.film import FPS, Films, write_films
from tests.bench.load import idle, load
from tests.bench.parties import Party, bare, bare_page, film, has_ustreamer, pi_stream, ustreamer
from tests.bench.table import Table, show

_VIEWERS = (1, 10, 50, 200)
_PARTS = ("viewers", "canvas", "encode", "idle", "start", "one_core", "cameras")


class Bench:
    """One run after the other; every value is kept, by its name, and medians are shown."""

    def __init__(self, films: Films, folder: Path, seconds: float) -> None:
        self.table: Table = defaultdict(list)
        self._films, self._folder, self._seconds = films, folder, seconds

    async def viewers(self) -> None:
        """Those that are compared, in turn."""
        whom: list[tuple[str, str, str, AbstractAsyncContextManager[Party]]] = [
            ("websocket", "ws", "ws", pi_stream(*film(self._films.y4m))),
            ("mjpeg", "mjpeg", "stream.mjpg", pi_stream(*film(self._films.y4m))),
        ]
        if has_ustreamer():
            whom.append(("ustreamer", "mjpeg", "stream", ustreamer(self._films.yuyv, self._folder)))
        for name, kind, path, party in whom:
            async with party as running:
                for count in _VIEWERS:
                    await self._load(name, running, kind, path, count)
        async with bare(self._films.y4m) as running:
            alone = await idle(running, self._seconds)
            self.table["a picture read and made a JPEG, for nobody / us"].append(1e4 * alone / FPS)
            for count in _VIEWERS:
                frame_bytes = await self._load("bare JPEG", running, "mjpeg", "", count)
        async with bare(frame_bytes) as running:
            for count in _VIEWERS:
                await self._load("bare write", running, "raw", str(frame_bytes), count)

    async def _load(self, name: str, party: Party, kind: str, path: str, count: int) -> int:
        told = await load(party, kind, path, count, self._seconds)
        for field, value in vars(told).items():
            if value is not None and field != "viewers":
                self.table[f"{name} / {count} / {field}"].append(value)
        return round(told.frame_bytes)

    async def canvas(self) -> None:
        """Ages in a browser: of a bare loop, then one encoding after the other."""
        async with canvas.chromium() as browser:
            async with bare_page(self._films.y4m) as party:
                self._note("bare loop", await canvas.bare_ages(browser, party, self._seconds))
            async with pi_stream(*film(self._films.y4m)) as party:
                for encoding in await asyncio.to_thread(_encodings, party.url):
                    self._note(encoding, await canvas.ages(browser, party, encoding, self._seconds))

    def _note(self, what: str, ages: Ages) -> None:
        for field, value in vars(ages).items():
            self.table[f"canvas / {what} / {field}"].append(value)

    async def encode(self) -> None:
        """PNG and JPEG alone."""
        for encoding in get_args(Encoding):
            if encoding in ("png", "jpeg"):
                wall, cpu = await asyncio.to_thread(steps.encode, self._films.y4m, encoding)
                self.table[f"encode / {encoding} / wall_ms"].append(wall)
                self.table[f"encode / {encoding} / cpu_ms"].append(cpu)

    async def idle(self) -> None:
        """CPU while nobody watches, by source."""
        for name, settings in (("film", film(self._films.y4m)), ("synthetic", ("camera.source=synthetic",))):
            async with pi_stream(*settings) as party:
                self.table[f"nobody watches / {name} / cpu_percent"].append(await idle(party, self._seconds))

    async def start(self) -> None:
        """From nothing to a picture."""
        for name, settings in (("film", film(self._films.y4m)), ("synthetic", ("camera.source=synthetic",))):
            self.table[f"start / {name} / seconds"].append(await steps.start(*settings))

    async def cameras(self) -> None:
        """Several cameras in one service, and one that fails beside another."""
        told = await cameras.per_frame(self._films.y4m, self._seconds)
        told |= await cameras.beside_a_failure(self._films.y4m, self._folder, self._seconds)
        for name, value in told.items():
            self.table[f"cameras / {name}"].append(value)

    async def one_core(self) -> None:
        """How late the event loop is where all encodings share one core with it."""
        for share, late in (await one_core.lag(self._films.y4m, 4 * self._seconds)).items():
            self.table[f"one core, all encodings / lag {share} / ms"].append(late)


def _encodings(url: str) -> list[str]:
    from urllib.request import urlopen

    with urlopen(url + "api/status", timeout=10) as answer:  # noqa: S310 - an address of ours
        status = json.load(answer)
    return [each for each in status.get("encodings", ["jpeg", "png", "i420", "rgba"]) if each != "h264"]


async def _measure(parts: list[str], runs: int, seconds: float) -> Table:
    with tempfile.TemporaryDirectory(prefix="pi-stream-bench-") as name:
        folder = Path(name)
        bench = Bench(await asyncio.to_thread(write_films, folder), folder, seconds)
        for run in range(runs):
            for part in parts:
                print(f"run {run + 1} of {runs}: {part}", file=sys.stderr, flush=True)
                await getattr(bench, part)()
        return bench.table


def main() -> None:
    """Read the options, measure, show."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="What pi-stream costs, and how fresh.")
    parser.add_argument("--quick", action="store_true", help="one run of one second each: to see that it works")
    parser.add_argument("--runs", type=int, default=3, help="whose medians are shown (default: 3)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement (default: 4)")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where all values go")
    parser.add_argument("--parts", default=",".join(_PARTS), help=f"of {','.join(_PARTS)}")
    options = parser.parse_args()
    parts = options.parts.split(",")
    if unknown := [each for each in parts if each not in _PARTS]:
        parser.error(f"--parts: expected some of {','.join(_PARTS)}, got {','.join(unknown)}")
    runs, seconds = (1, 1.0) if options.quick else (options.runs, options.seconds)
    machine = meter.machine()
    table = asyncio.run(_measure(parts, runs, seconds))
    medians = {name: round(statistics.median(values), 3) for name, values in table.items()}
    result = {"machine": machine, "runs": runs, "seconds": seconds, "medians": medians, "values": table}
    options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(show(machine, medians, runs, seconds))
    print(f"\nevery value: {options.json}")


if __name__ == "__main__":
    main()
