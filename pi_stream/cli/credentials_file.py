"""What `pi-stream password` and `pi-stream token` share: the file that they change, and the right that they mean."""

import argparse
from pathlib import Path

from pi_stream.auth import store
from pi_stream.auth.credentials import RightName
from pi_stream.config import files as config_files


def path(options: argparse.Namespace) -> Path:
    """The file of passwords and tokens, in --state or in the service's own folder."""
    folder: Path = options.state or config_files.service_folder()
    return folder / store.NAME


def right(options: argparse.Namespace) -> RightName:
    """The right that is meant: "view" with --view, else "control"."""
    return "view" if options.view else "control"
