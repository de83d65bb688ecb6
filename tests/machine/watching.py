"""Viewers that look at a machine from here, each with its own encoding, while a block runs."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import websockets

from tests.appliance.virtual_machine import PATIENCE, VirtualMachine


@asynccontextmanager
async def watching(machine: VirtualMachine, *encodings: str) -> AsyncIterator[Counter[str]]:
    """A viewer for each; how many frames each encoding has brought so far. One that is cut off fails the block."""
    frames: Counter[str] = Counter()

    async def watch(encoding: str) -> None:
        url = machine.url.replace("http", "ws") + "ws"
        async with websockets.connect(
            url, max_size=2**26, compression=None, proxy=None, ping_timeout=None, open_timeout=PATIENCE
        ) as connection:
            await connection.send(json.dumps({"type": "watch", "accept": [encoding]}))
            async for message in connection:
                if isinstance(message, bytes):
                    frames[encoding] += 1
                    seq = int.from_bytes(message[8:12], "little")
                    await connection.send(json.dumps({"type": "ack", "seq": seq}))
        raise AssertionError(f"the viewer of {encoding} was let go: {connection.close_code} {connection.close_reason}")

    async with asyncio.TaskGroup() as tasks:
        viewers = [tasks.create_task(watch(encoding), name=encoding) for encoding in encodings]
        try:
            yield frames
        finally:
            for each in viewers:
                each.cancel()


@asynccontextmanager
async def said_at_fault(machine: VirtualMachine) -> AsyncIterator[None]:
    """What the service said is printed when the block fails: the machine is gone when the test's report is written."""
    try:
        yield
    except BaseException:
        print(await asyncio.to_thread(machine.log))
        raise


async def until_all(frames: Counter[str], encodings: tuple[str, ...], more: int = 3) -> None:
    """Wait until each encoding has brought so many more frames than now."""
    before = Counter(frames)
    async with asyncio.timeout(PATIENCE):
        while any(frames[each] < before[each] + more for each in encodings):  # noqa: ASYNC110 - of three counters
            await asyncio.sleep(0.1)
