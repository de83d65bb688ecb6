"""`pi-stream doctor`: what is wrong with camera, system and settings, and how to fix it."""

import argparse
import logging
import os
import shutil
import sys

from pi_stream.cli.options import Commands, add_assignments, add_config
from pi_stream.features import CONFIG


def add_parser(commands: Commands) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "doctor", help="check camera, system and settings; say what is wrong and how to fix it"
    )
    add_config(parser, text="the settings file to check with (default: as for serve)")
    add_assignments(parser)
    parser.add_argument("--json", action="store_true", help="print the findings as JSON, like GET /api/doctor")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the findings. Returns 1 if there is a fault, else 0, also with warnings: with those there is a picture."""
    import msgspec

    from pi_stream.doctor.table import summary, table
    from pi_stream.health import doctor_report

    logging.disable(logging.WARNING)  # warnings of other modules, such as of missing fonts, are findings here
    report = doctor_report.make_report(doctor_report.for_terminal(options.config, options.assignments, CONFIG))
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        # https://no-color.org: any value but an empty one
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        for line in table(report.findings, width=shutil.get_terminal_size((100, 24)).columns, colour=colour):
            print(line)
        print(f"\n{summary(report.findings)}")
    return int(report.verdict == "fault")
