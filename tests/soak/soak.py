"""One soak: rounds of load and rest, and all that is noted of them."""

import asyncio
import json
import random
import statistics
import time
from collections import Counter
from pathlib import Path

from tests.bench import meter
from tests.bench.parties import metrics
from tests.soak.mischief import Mischief
from tests.soak.verdict import Held, Round, row
from tests.soak.visitors import GONE, VISITS, Visit, Visitor, take

_LOAD, _REST = 60, 13  # seconds; the service gives memory back within ten seconds
_LATEST = 40.0  # seconds until it must be well again after the last trouble: the longest pause between two tries, twice
_CROWD = 40  # visitors at once, at most


class Soak:
    """One service, and all that happens to it."""

    def __init__(self, port: int, pid: int, mischief: Mischief, chance: random.Random) -> None:
        self.rounds: list[Round] = []
        self.visits: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()  # before their time, by kind
        self.troubles: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._port, self._pid, self._mischief, self._chance = port, pid, mischief, chance
        self._waited = 0.0

    async def run(self, minutes: float) -> None:
        """Round after round. Raises RuntimeError when the service does not answer any more."""
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end - _LOAD / 2:
            came, went_wrong = self.visits.total(), self.troubles.total()
            self._waited = 0.0
            load = await self._load()
            rest = await self._rest()
            visits, troubles = self.visits.total() - came, self.troubles.total() - went_wrong
            self.rounds.append(Round(tuple(load), rest, visits, troubles, self._waited))
            print(row(len(self.rounds), self.rounds[-1]), flush=True)

    async def _load(self) -> list[Held]:
        told: list[Held] = []
        end = time.monotonic() + _LOAD
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._stays(end))
            tasks.create_task(self._trouble(end))
            visiting: set[asyncio.Task[None]] = set()
            while time.monotonic() < end:
                if len(visiting) < _CROWD:
                    kind = self._chance.choices(list(VISITS), list(VISITS.values()))[0]
                    task = tasks.create_task(self._visit(kind, Visitor(self._port, self._chance.getrandbits(32))))
                    visiting.add(task)
                    task.add_done_callback(visiting.discard)
                await asyncio.sleep(self._chance.uniform(0, 1))
                told.append(await self._held())
        return told

    async def _rest(self) -> Held:
        await asyncio.sleep(_REST)
        latest = time.monotonic() + _LATEST
        while not (await metrics(self._url))["pi_stream_source_online"]:
            if time.monotonic() > latest:
                self.wrong.append(f"the source did not come back within {_LATEST + _REST:g} s")
                break
            await asyncio.sleep(1)
        held = []
        for _ in range(3):
            await asyncio.sleep(1)
            held.append(await self._held())
        return Held(*(statistics.median(getattr(each, name) for each in held) for name in Held.__annotations__))

    async def _visit(self, kind: Visit, visitor: Visitor) -> None:
        name = kind.__name__.replace("_", " ")
        self.visits[name] += 1
        try:
            await kind(visitor)
        except* GONE:
            self.ended[name] += 1
        except* Exception as errors:  # told at the end, with all others
            self.wrong.append(f"who {name}: {errors.exceptions}")

    async def _stays(self, end: float) -> None:
        """One viewer that is there all the time, and comes again at once when it is let go."""
        newest = time.monotonic()

        def picture() -> None:
            nonlocal newest
            now = time.monotonic()
            self._waited, newest = max(self._waited, now - newest), now

        visitor = Visitor(self._port, 0)
        while (left := end - time.monotonic()) > 0:
            try:
                async with visitor.connected() as connection:
                    await connection.send(json.dumps({"type": "watch", "accept": ["jpeg"], "acks": True}))
                    await take(connection, left, acks=True, picture=picture)
            except GONE:
                self.ended["stays"] += 1
                await asyncio.sleep(0.1)
        picture()  # what it waited for in vain counts, too

    async def _trouble(self, end: float) -> None:
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(left, self._chance.uniform(0, 4)))
            async with self._mischief.trouble() as what:
                self.troubles[what] += 1
                await asyncio.sleep(self._chance.uniform(0.5, 6))

    async def _held(self) -> Held:
        told = await metrics(self._url)
        threads, files = (_entries(f"/proc/{self._pid}/{folder}") for folder in ("task", "fd"))
        tasks, lag = int(told["pi_stream_tasks"]), told.get("pi_stream_loop_lag_p99_seconds", 0.0)
        return Held(meter.memory_mb(self._pid), threads, files, tasks, lag)

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"


def _entries(folder: str) -> int:
    return len([*Path(folder).iterdir()])
