"""Options that several commands have in common."""

import argparse
from pathlib import Path
from typing import TypeAlias

# What `add_subparsers` returns; argparse has no public name for it, and cannot subscript it at run time.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_config(parser: argparse.ArgumentParser, *, text: str = "the settings file (default: as for serve)") -> None:
    """Add --config FILE, as `options.config`: a Path, or None for the default."""
    parser.add_argument("--config", type=Path, metavar="FILE", help=text)


def add_assignments(parser: argparse.ArgumentParser) -> None:
    """Add --set SECTION.KEY=VALUE, as `options.assignments`: a list of texts."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="assignments",
        metavar="SECTION.KEY=VALUE",
        help="override one setting, such as camera.fps=15; may be repeated",
    )


def add_state(parser: argparse.ArgumentParser) -> None:
    """Add --state FOLDER, as `options.state`: a Path, or None for the service's own folder."""
    parser.add_argument("--state", type=Path, metavar="FOLDER", help="the folder where the service keeps its state")


def add_service(parser: argparse.ArgumentParser) -> None:
    """Add URL and --camera: the service, and the name of one of its cameras or None."""
    parser.add_argument("url", metavar="URL", help="such as http://raspberrypi.local:8000")
    parser.add_argument(
        "--camera", metavar="NAME", help="the name of a camera (default: that of the URL, or the first)"
    )


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Add --pin and --ca-file, which say what certificate a viewer accepts over https."""
    parser.add_argument(
        "--pin", help="with https: trust only the key with this pin, as `pi-stream certificate` shows it on the camera"
    )
    parser.add_argument("--ca-file", metavar="FILE", help="with https: a file of certificates to trust")
