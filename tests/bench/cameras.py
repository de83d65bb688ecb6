"""What several cameras in one service cost, and whether one that fails is felt by the others."""

import asyncio
import os
import shutil
from pathlib import Path

from tests.bench.load import load
from tests.bench.parties import Party, film, pi_stream

COUNT = 4
_OTHERS = tuple(f"c{number}" for number in range(2, COUNT + 1))


async def per_frame(y4m: Path, seconds: float) -> dict[str, float]:
    """CPU per frame delivered, in microseconds, with a viewer of each: of one camera, and of COUNT."""
    async with pi_stream(*film(y4m)) as party:
        one = await load(party, "ws", "ws", 1, seconds)
    async with pi_stream(*film(y4m), *(each for name in _OTHERS for each in _film_of(name, y4m))) as party:
        several = await load(party, "ws", ",".join(("ws", *(f"cameras/{name}/ws" for name in _OTHERS))), COUNT, seconds)
    return {
        "one / cpu_us": one.cpu_us,
        "one / fps": one.fps,
        f"{COUNT} / cpu_us": several.cpu_us,
        f"{COUNT} / fps": several.fps,
        f"{COUNT} / one, cpu_us": several.cpu_us / one.cpu_us,
    }


async def beside_a_failure(y4m: Path, folder: Path, seconds: float) -> dict[str, float]:
    """Age at the socket of one camera's frames: beside another at full rate, and after that one's film broke off."""
    fragile = folder / "fragile.y4m"
    await asyncio.to_thread(shutil.copy, y4m, fragile)
    async with pi_stream(*film(y4m), *_film_of("c2", fragile)) as party:
        before = await _age(party, seconds)
        await asyncio.to_thread(os.truncate, fragile, 1 << 20)
        after = await _age(party, seconds)
    return {"age beside a healthy camera / p95 ms": before, "age beside one that fails / p95 ms": after}


async def _age(party: Party, seconds: float) -> float:
    told = await load(party, "ws", "ws", 1, seconds)
    return told.age_p95_ms or 0


def _film_of(name: str, y4m: Path) -> tuple[str, ...]:
    return tuple(each.replace("camera.", f"cameras.{name}.", 1) for each in film(y4m))
