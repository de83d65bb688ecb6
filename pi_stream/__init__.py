"""pi-stream: a camera in every browser on the LAN, a few milliseconds old, with captions.

import asyncio, pi_stream

async def main() -> None:
    async with pi_stream.connect("http://raspberrypi.local:8000") as camera:
        async for packet in camera:
            print(packet.seq, packet.image().shape)

asyncio.run(main())
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pi_stream.client.viewer import connect

__version__ = "0.1.0"
__all__ = ["__version__", "connect"]


def __getattr__(name: str) -> Any:
    """Import the Python viewer only when it is asked for: the service does without its libraries."""
    if name == "connect":
        from pi_stream.client.viewer import connect

        return connect
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
