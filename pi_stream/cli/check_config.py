"""`pi-stream check-config`: whether a settings file is valid."""

import argparse
from pathlib import Path

from pi_stream.cli.options import Commands
from pi_stream.config import files as config_files
from pi_stream.features import CONFIG


def add_parser(commands: Commands) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("check-config", help="check a settings file, and do nothing else")
    parser.add_argument("file", type=Path, metavar="FILE", help="the settings file to check")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read the file. Raises SettingError if a setting in it is wrong."""
    config_files.load(options.file, kind=CONFIG)
    print(f"{options.file}: valid")
    return 0
