"""deploy/image/build: the command line."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.image import build
from pi_stream.errors import PiStreamError, SettingError

ABOUT = """Make a card that shows its camera without a keyboard ever being near it.

    deploy/image/gather-debs raspios-lite-arm64.img.xz dist/pi-stream_VERSION_all.deb debs
    deploy/image/build raspios-lite-arm64.img.xz --debs debs --answers answers.toml --out doorcam.img
    deploy/image/build --user-data-only --debs debs --answers answers.toml --out for-the-boot-partition

docs/flash.md says more. Nobody need be root."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code: 0 done, 1 it did not work, 2 it was asked wrongly."""
    parser = argparse.ArgumentParser(
        "deploy/image/build", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "image", nargs="?", type=Path, metavar="IMAGE", help="Raspberry Pi OS Lite, 64-bit; .img or .xz"
    )
    parser.add_argument("--debs", required=True, type=Path, metavar="FOLDER", help="pi-stream's package and its others")
    parser.add_argument("--answers", required=True, type=Path, metavar="FILE", help="as deploy/image/answers.toml")
    parser.add_argument("--out", required=True, type=Path, metavar="PATH", help="what to make; must not be there yet")
    parser.add_argument(
        "--user-data-only", action="store_true", help="a folder for the official image's boot partition"
    )
    parser.add_argument("--force", action="store_true", help="overwrite what is there")
    options = parser.parse_args(arguments)
    if (options.image is None) != options.user_data_only:
        parser.error("expected either an IMAGE or --user-data-only")
    try:
        if options.user_data_only:
            build.user_data(options.debs, options.answers, options.out, force=options.force)
            print(f"Copy all that is in {options.out} onto the card's boot partition, over what is there.")
        else:
            build.image(options.image, options.debs, options.answers, options.out, force=options.force, tell=_tell)
            print(f"{options.out} is ready: write it to a card with Raspberry Pi Imager, without its customisation.")
    except SettingError as error:
        _tell(str(error))
        return 2
    except PiStreamError as error:
        _tell(str(error))
        return 1
    return 0


def _tell(line: str) -> None:
    print(f"build: {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
