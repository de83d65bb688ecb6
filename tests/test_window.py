"""The frames in flight to one viewer."""

import pytest

from pi_stream.window import Window


def test_the_window_closes_when_full_and_an_ack_opens_it() -> None:
    """With a window of two, the third frame waits for the first one's ack."""
    window = Window(2)
    window.sent(1, 100)
    assert window.open
    window.sent(2, 200)
    assert not window.open
    assert window.ack(1) == 100
    assert window.open
    assert window.in_flight == 1


def test_an_ack_covers_all_frames_before_it() -> None:
    """A viewer that drew only the newest acknowledges the older ones with it."""
    window = Window(3)
    for seq in (4, 7, 9):
        window.sent(seq, seq * 10)
    assert window.ack(9) == 90
    assert window.in_flight == 0


def test_an_old_or_repeated_ack_changes_nothing() -> None:
    """What was acknowledged before is acknowledged no second time."""
    window = Window(2)
    window.sent(5, 50)
    assert window.ack(4) is None
    assert window.ack(5) == 50
    assert window.ack(5) is None
    assert window.in_flight == 0


def test_seq_may_pass_its_largest_number() -> None:
    """Frame 0 comes after frame 2**32 - 1."""
    window = Window(2)
    window.sent(2**32 - 1, 1)
    window.sent(0, 2)
    assert window.ack(0) == 2
    assert window.in_flight == 0


@pytest.mark.parametrize("frames", [1, 100])
def test_without_acks_the_window_is_always_open(frames: int) -> None:
    """A viewer that does not acknowledge is held back by its socket alone."""
    window = Window(None)
    for seq in range(frames):
        window.sent(seq, seq)
    assert window.open
    assert window.in_flight == 0
