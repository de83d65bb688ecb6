"""What the service held, round by round, and whether that is what it may hold. No I/O."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

DRIFT = 3.0  # percent by which memory may differ between the second and the last third of the rounds
LAG = 0.5  # seconds that the event loop may be late, but for one time in a hundred
_IN_A_ROW = 3  # rounds in which more is held than after the first
WAIT = 15.0  # seconds that the viewer who stays may wait for a picture of any kind


@dataclass(frozen=True)
class Held:
    """At one moment: MiB of memory, threads, open files, asyncio's tasks; the loop's lag (p99 of a minute) in s."""

    memory_mb: float
    threads: int
    files: int
    tasks: int
    lag_p99: float


@dataclass(frozen=True)
class Round:
    """One round: what was held under load, second by second, and then at rest; what came, and what went wrong.

    `waited` is how long the viewer who stays waited for a picture at most, in seconds.
    """

    load: tuple[Held, ...]
    rest: Held
    visits: int
    troubles: int
    waited: float

    @property
    def lag_p99(self) -> float:
        """Seconds: the highest that was seen in its minute."""
        return max(held.lag_p99 for held in self.load)

    @property
    def memory_mb(self) -> float:
        """MiB under load, the median."""
        return statistics.median(held.memory_mb for held in self.load)


def drift(rounds: Sequence[Round]) -> float:
    """How much more memory it held at rest in the last third of the rounds than in the second, in percent: medians."""
    third = len(rounds) // 3 or 1
    early, late = rounds[third : 2 * third] or rounds, rounds[-third:]
    before, after = (statistics.median(each.rest.memory_mb for each in part) for part in (early, late))
    return 100 * (after / before - 1)


def complaints(rounds: Sequence[Round], workers: int, *, busy: bool = False) -> list[str]:
    """What is not as it should be. `workers` is how many threads its pools may have, which start when first needed.

    On a machine that is `busy` with other work, being late proves nothing.
    """
    first, found = rounds[0].rest, []
    for number, each in enumerate(rounds, 1):
        at = f"round {number}"
        for name in ("files", "tasks"):
            # Somebody who was just told goodbye, or a film that was just left, may still be there in a rest; in one
            # after the other, it is somebody who never goes.
            then = getattr(first, name)
            now = min(getattr(other.rest, name) for other in rounds[max(0, number - _IN_A_ROW) : number])
            if number >= _IN_A_ROW and now > then:
                found.append(f"{at}: {now} {name} at rest, {then} after the first round")
        if each.rest.threads > 1 + workers:
            found.append(f"{at}: {each.rest.threads} threads at rest, which is more than its pools have")
        if each.lag_p99 > LAG and not busy:
            found.append(f"{at}: the event loop was {each.lag_p99:.2f} s late (p99), more than {LAG:g} s")
        if each.waited > WAIT and not busy:
            found.append(f"{at}: no picture for {each.waited:.1f} s, more than {WAIT:g} s")
    if len(rounds) >= 3 and drift(rounds) > DRIFT:
        found.append(f"memory at rest grew by {drift(rounds):+.1f} %, more than {DRIFT:g} %")
    return found


_COLUMNS = (
    "round",
    "visits",
    "troubles",
    "MiB under load",
    "MiB at rest",
    "files",
    "threads",
    "tasks",
    "lag p99",
    "longest wait",
)
HEAD = f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|"
"""Of a table of rounds in Markdown; all but the first four numbers and the last two are of the rest."""


def row(number: int, each: Round) -> str:
    """One round in that table."""
    rest = each.rest
    return (
        f"| {number} | {each.visits} | {each.troubles} | {each.memory_mb:.0f} | {rest.memory_mb:.1f} | "
        f"{rest.files} | {rest.threads} | {rest.tasks} | {1000 * each.lag_p99:.0f} ms | {each.waited:.1f} s |"
    )
