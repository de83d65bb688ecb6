"""How often something happens."""

import pytest

from pi_stream.lib.rate import Rate


def test_an_even_beat_is_measured_exactly() -> None:
    """Thirty moments a second are 30.0, whatever the time of asking within a beat."""
    rate = Rate()
    for i in range(60):
        rate.tick(i * 100_000 // 3, amount=10)
    assert rate.per_second(59 * 100_000 // 3 + 20_000) == pytest.approx(30, abs=0.01)
    assert rate.amount_per_second(59 * 100_000 // 3) == pytest.approx(300, abs=5)


def test_a_rate_falls_when_nothing_comes() -> None:
    """A beat that stopped a second ago is less than it was, and after two seconds it is nothing."""
    rate = Rate()
    for i in range(10):
        rate.tick(i * 100_000)
    assert rate.per_second(900_000) == pytest.approx(10)
    assert rate.per_second(1_900_000) < 6
    assert rate.per_second(3_000_000) == 0


def test_a_beat_slower_than_two_seconds_is_measured_too() -> None:
    """A source may give a frame in ten seconds; when no more come, that is seen twice as long after."""
    rate = Rate()
    for seconds in (0, 10, 20):
        rate.tick(seconds * 1_000_000, amount=5)
        rate.per_second(seconds * 1_000_000 + 9_000_000)
    assert rate.per_second(21_000_000) == pytest.approx(0.1)
    assert rate.per_second(35_000_000) == pytest.approx(1 / 15)
    assert rate.amount_per_second(21_000_000) == pytest.approx(5 / 11)
    assert rate.amount_per_second(35_000_000) == pytest.approx(5 / 25)
    assert rate.per_second(41_000_000) == rate.amount_per_second(41_000_000) == 0


def test_only_the_last_two_seconds_count() -> None:
    """A beat that became slower, or lighter, is measured as it is now, whoever asked meanwhile."""
    rate = Rate()
    for i in range(600):
        rate.tick(i * 10_000, amount=100)
    for i in range(60):
        rate.tick(6_000_000 + i * 50_000, amount=7)
    assert rate.per_second(8_950_000) == pytest.approx(20)
    assert rate.amount_per_second(8_950_000) == pytest.approx(140)


@pytest.mark.parametrize("before", [[0], [0, 10_000_000], list(range(0, 3_000_000, 33_333))])
def test_what_was_long_ago_does_not_count(before: list[int]) -> None:
    """A beat that was slow, or paused, while nobody asked, is measured as it is now."""
    rate = Rate()
    for moment in before:
        rate.tick(moment, amount=5)
    for i in range(31):
        rate.tick(60_000_000 + i * 100_000 // 3, amount=10)
    assert rate.per_second(61_000_000) == pytest.approx(30, rel=0.01)
    assert rate.amount_per_second(61_000_000) == pytest.approx(300, rel=0.01)


def test_one_moment_is_no_rate() -> None:
    """A single moment says nothing about how often."""
    rate = Rate()
    rate.tick(5)
    assert rate.per_second(6) == 0
