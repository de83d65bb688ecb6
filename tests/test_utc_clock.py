"""UTC beside the monotonic clock: none until the machine's clock is known to be set, and right after each step."""

from pathlib import Path

import pytest

from pi_stream.lib.utc_clock import UtcClock, clock_is_set

SECOND = 1_000_000
NOVEMBER = 1_795_000_000.0


class Clocks:
    """The two clocks of a machine, and whether the calendar's is set."""

    def __init__(self) -> None:
        self.now = 5 * SECOND
        self.utc = 1_000_000 * SECOND  # 1970: nothing has set it yet
        self.is_set: bool | None = False
        self.looks = 0
        self.clock = UtcClock(is_set=self._is_set, now=lambda: self.now, utc_ns=lambda: self.utc * 1000)

    def pass_by(self, duration: int) -> None:
        self.now += duration
        self.utc += duration

    def _is_set(self) -> bool | None:
        self.looks += 1
        return self.is_set


@pytest.mark.parametrize("unknown", [False, None])
def test_there_is_no_utc_until_the_clock_is_known_to_be_set(unknown: bool | None) -> None:
    """It is looked for once a second, however many frames there are, and no more once it is known."""
    clocks = Clocks()
    clocks.is_set = unknown
    for _ in range(100):
        assert clocks.clock.of(clocks.now) is None
        clocks.pass_by(SECOND // 50)
    assert clocks.looks == 2
    clocks.utc, clocks.is_set = int(NOVEMBER) * SECOND, True
    clocks.pass_by(SECOND)
    for _ in range(100):
        assert clocks.clock.of(clocks.now) == clocks.utc
        clocks.pass_by(SECOND // 50)
    assert clocks.looks == 3


def test_a_step_of_the_calendar_shows_at_once() -> None:
    """Also for a moment that was before it: it is the newest knowledge of when that was."""
    clocks = Clocks()
    clocks.is_set = True
    captured = clocks.now - 40_000
    assert clocks.clock.of(captured) == clocks.utc - 40_000
    clocks.utc += 3600 * SECOND
    assert clocks.clock.of(captured) == clocks.utc - 40_000


def test_what_systemd_timesyncd_says(tmp_path: Path) -> None:
    """A folder while it runs, a file in it once it has set the clock; a date in the past is never right."""
    assert clock_is_set(tmp_path, NOVEMBER) is None
    folder = tmp_path / "run/systemd/timesync"
    folder.mkdir(parents=True)
    assert clock_is_set(tmp_path, NOVEMBER) is False
    (folder / "synchronized").touch()
    assert clock_is_set(tmp_path, NOVEMBER) is True
    assert clock_is_set(tmp_path, 1_600_000_000) is False


def test_of_this_machine() -> None:
    """With the real clocks it is a time of this century, or not known."""
    utc = UtcClock().of(0)
    assert utc is None or utc > 0
