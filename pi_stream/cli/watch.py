"""`pi-stream watch`: watch a camera of a service, and print fps, age and losses once a second."""

import argparse
import asyncio
import statistics

from pi_stream.cli.connection import connect
from pi_stream.cli.options import Commands, add_service, add_trust


def add_parser(commands: Commands) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("watch", help="watch a camera, and print fps, age and dropped frames once a second")
    add_service(parser)
    add_trust(parser)
    parser.add_argument("--encoding", default="jpeg", help="jpeg, png, i420 or rgba (default: jpeg)")
    parser.add_argument("--seconds", type=float, metavar="N", help="stop after N seconds (default: never)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Watch until --seconds have passed, or until the connection is lost."""
    asyncio.run(_watch(options))
    return 0


async def _watch(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    viewer = connect(options, [options.encoding])
    end = loop.time() + options.seconds if options.seconds else float("inf")
    async with viewer as camera:
        if (what := camera.watching) is not None:
            source = camera.welcome.source.kind
            print(f"{camera.camera}: {what.encoding} {what.width}x{what.height} from {source}", flush=True)
        frames, size, ages, second = 0, 0, list[float](), loop.time() + 1
        async for packet in camera:
            frames += 1
            size += len(packet.data)
            if packet.age_ms is not None:
                ages.append(packet.age_ms)
            if (now := loop.time()) >= second:
                age = f"{statistics.median(ages):6.1f} ms" if ages else "unknown"
                dropped = camera.dropped + (camera.stats.dropped if camera.stats else 0)
                state = "  OFFLINE" if packet.offline else ""
                rate = frames / (now - second + 1)
                print(f"{rate:5.1f} fps  age {age}  {dropped} dropped  {size / 2**20:6.2f} MiB{state}", flush=True)
                frames, size, ages, second = 0, 0, [], now + 1
            if now >= end:
                return
