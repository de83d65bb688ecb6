"""From a thread to the event loop: the newest item, once, however long the loop is held up."""

import asyncio
import threading

import pytest

from pi_stream.lib.handover import Handover, call_in_loop


async def test_while_the_loop_is_held_up_only_the_newest_waits_and_the_others_are_counted() -> None:
    """One call waits for the loop, whatever was put meanwhile."""
    taken: list[tuple[int, int]] = []
    handover = Handover[int](asyncio.get_running_loop(), lambda item, overtaken: taken.append((item, overtaken)))

    def put_three() -> None:
        for item in (1, 2, 3):
            handover.put(item)

    thread = threading.Thread(target=put_three)
    thread.start()
    thread.join(10)  # on the loop, which hears of nothing meanwhile
    await asyncio.sleep(0)
    assert taken == [(3, 2)]
    handover.put(4)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert taken == [(3, 2), (4, 0)]


def test_a_loop_that_is_gone_is_told_nothing_and_one_that_is_not_has_to_be() -> None:
    """A source's thread may outlive the service by a moment; any other failure to tell is a bug."""
    loop = asyncio.new_event_loop()
    loop.close()
    call_in_loop(loop, print)

    class Broken(asyncio.SelectorEventLoop):
        def call_soon_threadsafe(self, *_: object, **__: object) -> asyncio.Handle:
            raise RuntimeError("no")

    broken = Broken()
    with pytest.raises(RuntimeError, match="no"):
        call_in_loop(broken, print)
    broken.close()
