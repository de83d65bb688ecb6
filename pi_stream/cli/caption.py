"""`pi-stream caption`: put a caption on the picture of a camera."""

import argparse
import asyncio

from pi_stream.cli.connection import connect
from pi_stream.cli.options import Commands, add_service, add_trust

_FIELDS = ("id", "x", "y", "anchor", "size", "color", "background", "ttl")  # options that are a caption's fields


def add_parser(commands: Commands) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("caption", help="put a caption on the picture of a camera")
    add_service(parser)
    add_trust(parser)
    parser.add_argument("text", metavar="TEXT", help="the text; may hold fields, such as {time:%%H:%%M}")
    parser.add_argument("--id", help="the id of a caption to replace")
    parser.add_argument("--x", type=float, help="0 (left) to 1 (right)")
    parser.add_argument("--y", type=float, help="0 (top) to 1 (bottom)")
    parser.add_argument("--anchor", help="the point of the box that is placed at x, y: top-left ... bottom-right")
    parser.add_argument("--size", type=float, help="height of a line as a share of the picture's height: 0.01 to 1")
    parser.add_argument("--color", help="colour of the text: #rrggbb or #rrggbbaa")
    parser.add_argument("--background", help="colour of the box: #rrggbb or #rrggbbaa")
    parser.add_argument("--ttl", type=float, help="seconds until the caption is removed (default: it stays)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Put the caption, and print its id."""
    asyncio.run(_caption(options))
    return 0


async def _caption(options: argparse.Namespace) -> None:
    fields = {name: value for name in _FIELDS if (value := getattr(options, name)) is not None}
    async with connect(options, ()) as camera:
        print((await camera.put_caption(options.text, **fields)).id)
