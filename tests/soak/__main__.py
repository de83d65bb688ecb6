"""`make soak`, or `python -m tests.soak`: half an hour, one table, and exit code 1 for whatever is not as it should be.

A round is a minute in which visitors come and go and troubles follow each other, and a rest in which nobody is there
and nothing is wrong: what the service holds then must be what it held in the rounds before. Rounds, visits and troubles
follow from the seed; what happens first, when two things happen at once, does not.
"""

import argparse
import asyncio
import os
import random
import re
import secrets
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.networks import FILM
from tests.bench.parties import free_port, serving
from tests.faulty import Faults
from tests.soak.mischief import Mischief
from tests.soak.soak import Soak
from tests.soak.verdict import HEAD, complaints, drift

_NEVER = re.compile(
    r"Traceback|ResourceWarning|never (retrieved|awaited)|was destroyed|^CRITICAL|^ERROR (?!.*the settings stay as)"
)
"""What may not stand in the log. Settings that are wrong are said as an error, and are one."""


_LOG = Path("soak.log")  # here, to be read afterwards


def never(log: str) -> list[str]:
    """Lines of the log that may not be there, each with the one after it."""
    lines = log.splitlines()
    return [f"{line} / {after}" for line, after in zip(lines, [*lines[1:], ""], strict=True) if _NEVER.search(line)]


async def _soak(minutes: float, seed: int, folder: Path, *, busy: bool) -> list[str]:
    film, state, log = folder / "film.mp4", folder / "state", folder / "log"
    film.write_bytes(FILM.read_bytes())
    state.mkdir()
    chance, faults, port = random.Random(seed), Faults(folder / "faults"), free_port()  # noqa: S311 - to be repeated
    mischief = Mischief(film, folder / "soak.toml", faults, chance)
    command = [sys.executable, "-W", "always::ResourceWarning", "-m", "tests.faulty", "serve"]
    command += ["--config", str(folder / "soak.toml"), "--set", "server.host=127.0.0.1", "--set", f"server.port={port}"]
    environment = {"STATE_DIRECTORY": str(state), **faults.environment}
    with log.open("w+b") as said:
        async with serving(command, port, environment, said) as service:
            mischief.pid = service.pid
            soak = Soak(port, service.pid, mischief, chance)
            try:
                await soak.run(minutes)
            except* OSError as errors:
                await asyncio.sleep(1)  # it may be about to end
                soak.wrong.append(f"no answer any more: {errors.exceptions}; its exit code: {service.returncode}")
            if service.returncode is None:
                service.terminate()
                code = await asyncio.wait_for(service.wait(), 30)
                soak.wrong += [f"it ended with {code} at SIGTERM"] if code else []
    text = log.read_text(errors="replace")
    await asyncio.to_thread(_LOG.write_text, text)
    _tell(soak, text)
    cores = len(os.sched_getaffinity(0))
    workers = cores + min(32, (os.cpu_count() or 1) + 4)  # encoders, and asyncio's own
    workers += 1 + cores + 1  # the stand-in's shutter; a film's decoders, while its last error is remembered
    return [*soak.wrong, *(complaints(soak.rounds, workers, busy=busy) if soak.rounds else ()), *never(text)]


def _tell(soak: Soak, log: str) -> None:
    for name, counted in (("visits", soak.visits), ("let go, refused", soak.ended), ("troubles", soak.troubles)):
        print(f"\n{name}: {counted.total()} ({', '.join(f'{n} {what}' for what, n in counted.most_common())})")
    if soak.rounds:
        peak = max(held.memory_mb for each in soak.rounds for held in each.load)
        print(f"\nmemory at rest: {drift(soak.rounds):+.2f} %; most under load {peak:.0f} MiB")
    print(f"the log: {len(log.splitlines())} lines, in {_LOG}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the options, soak, judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Everything that goes wrong, at random.")
    parser.add_argument("--minutes", type=float, default=30, help="default: 30")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="of an earlier run, to repeat it")
    parser.add_argument("--busy", action="store_true", help="this machine does other work, too: lateness is told only")
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}\n\n{HEAD}", flush=True)
    with tempfile.TemporaryDirectory(prefix="pi-stream-soak-") as name:
        wrong = asyncio.run(_soak(options.minutes, options.seed, Path(name), busy=options.busy))
    print("\n".join(["", *(f"WRONG {each}" for each in wrong)] if wrong else ["", "all as it should be"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
