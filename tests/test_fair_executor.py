"""One pool for several: fair, complete, and ended in order."""

import threading
from concurrent.futures import CancelledError

import pytest

from pi_stream.lib.fair_executor import FairExecutor


def test_a_share_with_much_work_does_not_hold_up_another() -> None:
    """The other's one call comes next, not after all of the first's."""
    gate, order = threading.Event(), list[str]()
    with FairExecutor(1, "test") as pool:
        busy, modest = pool.share(), pool.share()
        held = busy.submit(gate.wait, 10)
        many = [busy.submit(order.append, f"busy {number}") for number in range(4)]
        one = modest.submit(order.append, "modest")
        gate.set()
        assert held.result(10)
        for future in (*many, one):
            future.result(10)
    assert order == ["busy 0", "modest", "busy 1", "busy 2", "busy 3"]


def test_results_and_errors_reach_whoever_waits() -> None:
    """As with any executor."""
    with FairExecutor(2, "test") as pool:
        share = pool.share()
        assert share.submit(pow, 2, 10).result(10) == 1024
        with pytest.raises(ZeroDivisionError):
            share.submit(divmod, 1, 0).result(10)
        assert list(share.map(abs, (-1, -2))) == [1, 2]


def test_leaving_cancels_what_waits_and_waits_for_what_runs() -> None:
    """No call is left running, none is begun."""
    begun, gate = threading.Event(), threading.Event()

    def hold() -> str:
        begun.set()
        gate.wait(10)
        return "done"

    with FairExecutor(1, "test") as pool:
        share = pool.share()
        runs = share.submit(hold)
        waits = share.submit(pow, 2, 2)
        assert begun.wait(10)
        threading.Timer(0.05, gate.set).start()
    assert runs.result(0) == "done"
    with pytest.raises(CancelledError):
        waits.result(0)
    with pytest.raises(RuntimeError):
        share.submit(pow, 2, 2)


def test_a_call_that_was_cancelled_takes_no_turn() -> None:
    """A frame whose channel ended is not encoded."""
    gate, ran = threading.Event(), list[int]()
    with FairExecutor(1, "test") as pool:
        share = pool.share()
        share.submit(gate.wait, 10)
        cancelled, after = share.submit(ran.append, 1), share.submit(ran.append, 2)
        assert cancelled.cancel()
        gate.set()
        after.result(10)
    assert ran == [2]
