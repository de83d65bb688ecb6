"""How `pi-stream watch` and `pi-stream caption` connect to a service."""

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pi_stream.client.viewer import ConnectedCamera


def connect(options: argparse.Namespace, accept: Sequence[str]) -> "ConnectedCamera":
    """Connect to `options.camera` of the service at `options.url`.

    `accept` are the encodings to watch; with none, no frames are sent.

    The password or token comes from the environment, because other users of the machine can read a process's arguments.
    """
    from pi_stream.client.viewer import connect

    password, token = os.environ.get("PI_STREAM_PASSWORD"), os.environ.get("PI_STREAM_TOKEN")
    return connect(
        options.url,
        camera=options.camera,
        accept=accept,
        password=password,
        token=token,
        pin=options.pin,
        ca_file=options.ca_file,
    )
