"""deploy/image/build: the command that makes a card."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.image import build
from pi_stream.errors import PiStreamError, SettingError

ABOUT = """Make a card for a Raspberry Pi that serves its camera without a keyboard or a screen.

    deploy/image/gather-debs raspios-lite-arm64.img.xz dist/pi-stream_VERSION_all.deb debs
    deploy/image/build raspios-lite-arm64.img.xz --debs debs --answers answers.toml --out doorcam.img
    deploy/image/build --user-data-only --debs debs --answers answers.toml --out for-the-boot-partition

docs/flash.md explains it. Root is not needed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit code: 0 success, 1 failure, 2 wrong usage or answers."""
    parser = argparse.ArgumentParser(
        "deploy/image/build", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "image", nargs="?", type=Path, metavar="IMAGE", help="Raspberry Pi OS Lite, 64-bit; .img or .xz"
    )
    parser.add_argument(
        "--debs", required=True, type=Path, metavar="FOLDER", help="pi-stream's package, and those that it needs"
    )
    parser.add_argument(
        "--answers", required=True, type=Path, metavar="FILE", help="a file like deploy/image/answers.toml"
    )
    parser.add_argument(
        "--out", required=True, type=Path, metavar="PATH", help="the file or folder to make; must not exist"
    )
    parser.add_argument(
        "--user-data-only", action="store_true", help="make a folder for the official image's boot partition"
    )
    parser.add_argument("--force", action="store_true", help="overwrite PATH if it exists")
    options = parser.parse_args(arguments)
    if (options.image is None) != options.user_data_only:
        parser.error("expected either an IMAGE or --user-data-only")
    try:
        if options.user_data_only:
            build.user_data(options.debs, options.answers, options.out, force=options.force)
            print(f"Copy everything in {options.out} to the card's boot partition, and overwrite files that exist.")
        else:
            build.image(options.image, options.debs, options.answers, options.out, force=options.force, report=_report)
            print(f"{options.out} is ready: write it to a card with Raspberry Pi Imager, without its customisation.")
    except SettingError as error:
        _report(str(error))
        return 2
    except PiStreamError as error:
        _report(str(error))
        return 1
    return 0


def _report(line: str) -> None:
    print(f"build: {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
