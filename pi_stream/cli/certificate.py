"""`pi-stream certificate`: the service's certificate, and a QR code of its page."""

import argparse

from pi_stream.cli.options import Commands, add_assignments, add_config, add_state
from pi_stream.config import files as config_files
from pi_stream.features import CONFIG


def add_parser(commands: Commands) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("certificate", help="show the service's certificate, and a QR code of its page")
    add_config(parser)
    add_assignments(parser)
    add_state(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the certificate. Raises SettingError if the service has none."""
    from pi_stream.cli.certificate_lines import lines  # not earlier: its libraries are large

    settings = config_files.load(options.config, options.assignments, CONFIG)
    print(*lines(settings, options.state or config_files.service_folder()), sep="\n")
    return 0
