"""The watchdog hears of the service only while each camera is alive."""

from pi_stream.app.heartbeat import Heartbeat
from pi_stream.systemd import Watchdog


class _Counting(Watchdog):
    def __init__(self) -> None:
        self.beats = 0

    def alive(self) -> None:
        self.beats += 1


def test_one_camera_beats_each_time() -> None:
    """As it did before there could be several."""
    watchdog = _Counting()
    alive = Heartbeat(watchdog).of_one_more()
    alive()
    alive()
    assert watchdog.beats == 2


def test_a_camera_that_hangs_stops_the_beat_whatever_the_others_do() -> None:
    """Each must have shown a sign of life since the last beat."""
    watchdog = _Counting()
    heartbeat = Heartbeat(watchdog)
    quick, slow = heartbeat.of_one_more(), heartbeat.of_one_more()
    for _ in range(3):
        quick()
    assert watchdog.beats == 0
    slow()
    assert watchdog.beats == 1
    slow()
    slow()
    assert watchdog.beats == 1
    quick()
    assert watchdog.beats == 2


def test_a_camera_that_was_removed_is_not_waited_for() -> None:
    """And one that was added is."""
    watchdog = _Counting()
    heartbeat = Heartbeat(watchdog)
    stays, goes = heartbeat.of_one_more(), heartbeat.of_one_more()
    heartbeat.forget(goes)
    stays()
    assert watchdog.beats == 1
    comes = heartbeat.of_one_more()
    stays()
    assert watchdog.beats == 1
    comes()
    assert watchdog.beats == 2
