"""Calls that may never return, on daemon threads."""

import threading
from concurrent.futures import Future

import pytest

from pi_stream.errors import SourceUnavailable
from pi_stream.lib import daemon_thread
from pi_stream.lib.daemon_thread import TimeLimitedCall, in_daemon_thread
from tests.running import PATIENCE


def test_a_result_or_an_error_comes_back() -> None:
    """In the future, whatever the error is."""
    assert in_daemon_thread(lambda: 7).result(PATIENCE) == 7
    with pytest.raises(ZeroDivisionError):
        in_daemon_thread(lambda: 1 / 0).result(PATIENCE)


def test_a_call_that_was_cancelled_before_it_began_is_not_made() -> None:
    """As when its caller went away at once."""
    made: list[int] = []
    result = Future[None]()
    result.cancel()
    daemon_thread._run(lambda: made.append(1), result)
    assert made == []


def test_a_call_that_does_not_return_is_given_up_and_never_made_twice_at_once() -> None:
    """Later requests share it; once it has returned, the next one is a new call."""
    returns, calls = threading.Event(), list[int]()

    def slow() -> int:
        calls.append(1)
        returns.wait(PATIENCE)
        return len(calls)

    call = TimeLimitedCall("libcamera", slow, 0.01)
    assert not call.pending
    for _ in range(2):
        with pytest.raises(SourceUnavailable, match=r"^libcamera gave no answer within 0\.01 s$"):
            call.result()
    assert call.pending
    assert calls == [1]
    returns.set()
    call = TimeLimitedCall("libcamera", slow, PATIENCE)
    assert call.result() == 2
    assert not call.pending
    assert call.result() == 3
