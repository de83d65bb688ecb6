"""How late the event loop is."""

import asyncio
import time

from pi_stream.lib.loop_lag import LoopLag


async def test_a_loop_that_is_held_up_is_seen_to_be_late() -> None:
    """Half a second of doing something else shows in the worst, and not in the median."""
    lag = LoopLag()
    assert lag.quantile_s(0.5) is None
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(lag.run())
        await asyncio.sleep(0.25)
        time.sleep(0.6)  # noqa: ASYNC251 - holding up the loop is what is being measured
        await asyncio.sleep(0.35)
        task.cancel()
    worst, middle = lag.quantile_s(1), lag.quantile_s(0.5)
    assert worst is not None
    assert middle is not None
    assert worst > 0.4
    assert middle < worst / 2
