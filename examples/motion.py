"""Report motion, and write it on the picture: compares exact pixels, ten times a second."""

import asyncio
import sys
from typing import Any

import numpy as np

import pi_stream

MOTION_THRESHOLD = 8.0  # mean difference in brightness between two frames, 0 to 255


async def main(url: str) -> None:
    before: np.ndarray[Any, np.dtype[np.int16]] | None = None
    async with pi_stream.connect(url, accept=["i420", "png"], width=320, fps=10) as camera:
        async for packet in camera:
            now = packet.image().mean(axis=2).astype(np.int16)
            if before is not None and before.shape == now.shape:
                moved = float(np.abs(now - before).mean())
                if moved > MOTION_THRESHOLD:
                    print(f"frame {packet.seq}: something moved ({moved:.1f})")
                    await camera.put_caption("motion {time:%H:%M:%S}", id="motion", ttl=5, anchor="top-right", x=0.98)
            before = now


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8000"))
