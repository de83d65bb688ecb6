"""The soak's verdict: what grows, what is late and what may not stand in a log is found, and nothing else is."""

from dataclasses import replace

import pytest

from tests.soak.__main__ import never
from tests.soak.verdict import Held, Round, complaints, drift

REST = Held(memory_mb=150.0, threads=9, files=8, tasks=12, lag_p99=0.004)
CALM = Round(load=(REST,), rest=REST, visits=100, troubles=10, waited=1.5)


def test_what_stays_is_no_complaint() -> None:
    """A little noise of memory is none, either."""
    rounds = [replace(CALM, rest=replace(REST, memory_mb=150 + number % 3)) for number in range(9)]
    assert complaints(rounds, workers=8) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rest": replace(REST, threads=10)}, "round 3: 10 threads at rest"),
        ({"load": (REST, replace(REST, lag_p99=0.7))}, "round 3: the event loop was 0.70 s late"),
        ({"waited": 16.0}, "round 3: no picture for 16.0 s"),
    ],
)
def test_one_round_that_is_not_as_it_should_be_is_named(change: dict[str, object], words: str) -> None:
    """Each in a sentence of its own."""
    found = complaints([CALM, CALM, replace(CALM, **change)], workers=8)  # type: ignore[arg-type]  # by name
    assert len(found) == 1
    assert found[0].startswith(words)


def test_what_is_held_round_after_round_is_named() -> None:
    """What is there in one rest, and gone in the next, was on its way out."""
    more = replace(CALM, rest=replace(REST, files=9, tasks=13))
    assert complaints([CALM, more, more, CALM, more, more, CALM], workers=8) == []
    assert complaints([CALM, more, CALM, more, more, more], workers=8) == [
        "round 6: 9 files at rest, 8 after the first round",
        "round 6: 13 tasks at rest, 12 after the first round",
    ]


def test_on_a_busy_machine_lateness_proves_nothing() -> None:
    """What is held still counts."""
    late = replace(CALM, load=(replace(REST, lag_p99=2.0),), waited=40.0)
    assert complaints([late, late], workers=8, busy=True) == []
    assert len(complaints([late, *3 * [replace(late, rest=replace(REST, tasks=40))]], workers=8, busy=True)) == 1


def test_memory_that_grows_slowly_is_found() -> None:
    """A megabyte a round is a leak, whatever it began with."""
    rounds = [replace(CALM, rest=replace(REST, memory_mb=150 + number)) for number in range(24)]
    assert drift(rounds) == pytest.approx(100 * 8 / 161.5)
    assert complaints(rounds, workers=8) == ["memory at rest grew by +5.0 %, more than 3 %"]


def test_lines_that_may_not_stand_in_a_log_are_found() -> None:
    """Settings that are refused are told as an error, and are none of the service's."""
    log = "INFO a: b\nERROR c: oops\nTraceback (most recent call last):\nERROR d: the settings stay as they were: e\n"
    _, error, traceback, settings = log.splitlines()
    assert never(log) == [f"{error} / {traceback}", f"{traceback} / {settings}"]
