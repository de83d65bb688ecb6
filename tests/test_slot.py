"""The mailbox for one."""

import asyncio

from pi_stream.lib.slot import Slot


async def test_the_newest_item_replaces_the_one_that_waits_and_the_loss_is_counted() -> None:
    """Of three items put in a row, the last is taken and two are counted as dropped."""
    slot: Slot[int] = Slot()
    for item in (1, 2, 3):
        slot.put(item)
    assert await slot.take() == 3
    assert slot.dropped == 2
    assert slot.poll() is None


async def test_a_waiting_taker_gets_the_item_that_comes() -> None:
    """Somebody who waits is woken by the put."""
    slot: Slot[str] = Slot()
    async with asyncio.TaskGroup() as tasks:
        taken = tasks.create_task(slot.take())
        tasks.create_task(_put(slot, "late"))
    assert taken.result() == "late"
    assert slot.dropped == 0


async def _put(slot: Slot[str], item: str) -> None:
    slot.put(item)


async def test_an_event_of_ones_own_is_set_by_the_put() -> None:
    """Who waits for several things at once is woken by this one, and may look without taking."""
    ready = asyncio.Event()
    slot: Slot[int] = Slot(ready)
    assert not slot.full
    slot.put(1)
    assert ready.is_set()
    assert slot.full


async def test_an_item_that_waits_is_seen_by_who_asks_for_the_event_later() -> None:
    """There is no event before somebody asks for one, and none is missed for that."""
    slot: Slot[int] = Slot()
    assert not slot.ready.is_set()
    other: Slot[int] = Slot()
    other.put(1)
    assert other.ready.is_set()
