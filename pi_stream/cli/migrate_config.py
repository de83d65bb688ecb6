"""`pi-stream migrate-config`: a settings file of an older version, rewritten for this one."""

import argparse
from pathlib import Path

from pi_stream.cli.options import Commands
from pi_stream.config import files as config_files
from pi_stream.features import CONFIG


def add_parser(commands: Commands) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("migrate-config", help="update a settings file of an older version")
    parser.add_argument("file", type=Path, metavar="FILE", help="the file to rewrite; a copy is kept as FILE.bak")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Rewrite the file, and print what changed. Raises SettingError if it has to be changed by hand."""
    changes = config_files.migrate(options.file, CONFIG)
    for change in changes:
        print(f"{options.file}: {change}")
    result = f"rewritten; the old file is {options.file}.bak" if changes else "nothing to migrate"
    print(f"{options.file}: {result}")
    return 0
