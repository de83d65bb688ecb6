"""How long viewers wait for the reason when a camera fails, and for the picture once it is well again.

    python -m tests.bench.faults

With the default settings, on the stand-in of picamera2 (tests/faulty.py), in a service of its own for each fault.
"""

import asyncio
import signal
import tempfile
import time
from pathlib import Path

import websockets

from pi_stream.protocol import parse_packet
from tests.faulty import Faults
from tests.running import Process, next_frame, process, say

_FAULTS = {
    "raises": ("raises",),
    "gives garbage (too short)": ("short",),
    "gives garbage (another type)": ("dtype",),
    "hangs": ("hangs",),
    "is unplugged": ("absent",),
}


async def _until(viewer: websockets.ClientConnection, *, offline: bool) -> float:
    """Seconds until a picture of that kind."""
    began = time.monotonic()
    while parse_packet(await next_frame(viewer))[0].offline is not offline:
        pass
    return time.monotonic() - began


async def _failing(folder: Path, names: tuple[str, ...]) -> tuple[float, float]:
    faults = Faults(folder / "faults")
    async with (
        process(folder, "camera.source=picamera2", environment=faults.environment, module="tests.faulty") as service,
        service.socket() as viewer,
    ):
        await say(viewer, "watch", accept=["jpeg"])
        await _until(viewer, offline=False)
        faults.put(*names)
        told = await _until(viewer, offline=True)
        faults.mend(*names)
        return told, await _until(viewer, offline=False)


async def _watch(service: Process, encoding: str, frame: asyncio.Event) -> int | None:
    async with service.socket() as viewer:
        await say(viewer, "watch", accept=[encoding])
        async for message in viewer:
            if isinstance(message, bytes):
                frame.set()
        return viewer.close_code


async def _stopping(folder: Path, viewers: int) -> tuple[float, int, set[int | None]]:
    async with process(folder) as service, asyncio.TaskGroup() as tasks:
        frames = [asyncio.Event() for _ in range(viewers)]
        watching = [
            tasks.create_task(_watch(service, ("jpeg", "png", "i420", "rgba")[i % 4], frame))
            for i, frame in enumerate(frames)
        ]
        for frame in frames:
            await frame.wait()
        began = time.monotonic()
        code = await service.stop(signal.SIGTERM)
        took = time.monotonic() - began
        return took, code, {await each for each in watching}


async def _main() -> None:
    for what, names in _FAULTS.items():
        with tempfile.TemporaryDirectory() as folder:
            told, back = await _failing(Path(folder), names)
        print(f"the camera {what}: the picture says so after {told:.2f} s; back {back:.2f} s after it is well")
    for viewers in (1, 40):
        with tempfile.TemporaryDirectory() as folder:
            took, code, codes = await _stopping(Path(folder), viewers)
        print(
            f"SIGTERM with {viewers} viewers: exit code {code} after {took:.2f} s; they heard {sorted(map(str, codes))}"
        )


if __name__ == "__main__":
    asyncio.run(_main())
