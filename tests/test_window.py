"""The frames in flight to one viewer."""

from collections.abc import Callable

import pytest

from pi_stream.pacing.window import DEFAULT_FRAMES, SentFrame, Window
from tests.link import Link, Rate, mbit


def test_the_window_closes_when_full_and_an_ack_opens_it() -> None:
    """With a window of two, the third frame waits for the first one's ack."""
    window = Window(2)
    window.sent(SentFrame(1, 100, 9), 110)
    assert window.open
    window.sent(SentFrame(2, 200, 9), 210)
    assert not window.open
    drawn = window.ack(1, 300)
    assert drawn is not None
    assert (drawn.seq, drawn.captured, drawn.size) == (1, 100, 9)
    assert window.open
    assert window.in_flight == 1


def test_an_ack_covers_all_frames_before_it() -> None:
    """A viewer that drew only the newest acknowledges the older ones with it."""
    window = Window(3)
    for seq in (4, 7, 9):
        window.sent(SentFrame(seq, seq * 10, 9), seq * 10)
    drawn = window.ack(9, 200)
    assert drawn is not None
    assert drawn.captured == 90
    assert window.in_flight == 0


def test_an_old_or_repeated_ack_changes_nothing() -> None:
    """What was acknowledged before is acknowledged no second time."""
    window = Window(2)
    window.sent(SentFrame(5, 50, 9), 50)
    assert window.ack(4, 60) is None
    assert window.ack(5, 61) is not None
    assert window.ack(5, 62) is None
    assert window.in_flight == 0


def test_seq_may_pass_its_largest_number() -> None:
    """Frame 0 comes after frame 2**32 - 1."""
    window = Window(2)
    window.sent(SentFrame(2**32 - 1, 1, 9), 1)
    window.sent(SentFrame(0, 2, 9), 2)
    drawn = window.ack(0, 3)
    assert drawn is not None
    assert drawn.captured == 2
    assert window.in_flight == 0


@pytest.mark.parametrize("frames", [1, 100])
def test_without_acks_the_window_is_always_open(frames: int) -> None:
    """A viewer that does not acknowledge is held back by its socket alone."""
    window = Window(None)
    for seq in range(frames):
        window.sent(SentFrame(seq, seq, 9), seq)
    assert window.open
    assert window.in_flight == 0


# --- a window that follows the line, over a line that is simulated

FRAME = 50_000  # bytes; 12 Mbit/s at 30 a second


def _run(seconds: float, window: Window, rate: Rate, trip: int, jitter: int = 0) -> Link:
    link = Link(rate, trip, jitter)
    link.run(seconds, window, size=lambda: FRAME, fps=lambda: 30)
    return link


def test_a_viewer_far_away_on_a_fast_line_gets_every_frame() -> None:
    """200 ms away there are seven frames on their way, and more than the two of a fixed window."""
    followed, fixed = Window(DEFAULT_FRAMES, follows=True), Window(DEFAULT_FRAMES)
    link = _run(10, followed, mbit(1000), 200_000)
    assert link.fps(5, 10) == pytest.approx(30, abs=0.5)
    assert link.most_in_flight <= 12
    assert _run(10, fixed, mbit(1000), 200_000).fps(5, 10) < 11


@pytest.mark.parametrize("jitter", [20_000, 80_000])
def test_trips_that_vary_cost_no_frames(jitter: int) -> None:
    """An uneven line is given a little more, not less."""
    assert _run(10, Window(DEFAULT_FRAMES, follows=True), mbit(1000), 150_000, jitter).fps(5, 10) > 29


@pytest.mark.parametrize("trip", [10_000, 200_000])
def test_on_a_slow_line_pictures_do_not_grow_old(trip: int) -> None:
    """What is in flight stays what the line holds and a frame or two, minute after minute."""
    window = Window(DEFAULT_FRAMES, follows=True)
    link = _run(60, window, mbit(6), trip)
    drain = FRAME / mbit(6)(0)
    newest = trip / 2 + drain
    for second in (5, 20, 50):
        assert link.age(second, second + 10, 0.95) < newest + 0.5 * trip + 3 * drain
        assert link.fps(second, second + 10) > 13  # the line carries fifteen


def test_a_line_that_becomes_slower_or_longer_is_followed() -> None:
    """Neither the rate nor the trip of a minute ago is believed for ever."""
    slower: Callable[[float], float] = lambda now: mbit(1000)(0) if now < 10e6 else mbit(3)(0)  # noqa: E731 - a formula
    link = _run(40, Window(DEFAULT_FRAMES, follows=True), slower, 100_000)
    assert link.fps(2, 10) > 29
    assert link.age(20, 40, 0.95) < 700_000

    link = Link(mbit(1000), 50_000)
    link.trip_at(10, 300_000)
    link.run(60, Window(DEFAULT_FRAMES, follows=True), size=lambda: FRAME, fps=lambda: 30)
    assert link.fps(2, 10) > 29
    assert link.fps(40, 60) > 29


def test_a_viewer_that_stops_acknowledging_is_sent_a_few_frames_and_no_more() -> None:
    """A hidden tab draws nothing: what is on its way stays bounded, and one late ack sets everything going again."""
    window = Window(DEFAULT_FRAMES, follows=True)
    now = 0
    for seq in range(60):
        window.sent(SentFrame(seq, now, FRAME), now)
        window.ack(seq, now + 12_000)
        now += 33_000
    count = 0
    while window.open:
        count += 1
        window.sent(SentFrame(60 + count, now, FRAME), now)
    assert count <= 3
    window.ack(60 + count, now + 600_000_000)
    assert window.open


def test_a_viewer_that_acknowledges_one_frame_late_is_never_starved() -> None:
    """It may hold the last one until the next comes: two may be in flight, whatever is measured."""
    window = Window(DEFAULT_FRAMES, follows=True)
    window.sent(SentFrame(0, 0, FRAME), 0)
    for seq in range(1, 2000):
        assert window.open
        window.sent(SentFrame(seq, seq * 33_000, FRAME), seq * 33_000)
        window.ack(seq - 1, seq * 33_000 + 15_000)


def test_a_window_of_a_fixed_size_is_never_exceeded() -> None:
    """However far the viewer is."""
    assert _run(10, Window(3), mbit(1000), 500_000).most_in_flight == 3
