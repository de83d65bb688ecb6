"""python -m tests.fuzz.one TARGET OPTION...: one target under atheris, with libFuzzer's options; never returns."""

import logging
import sys

import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]  # nothing but `make fuzz` installs it

with atheris.instrument_imports(include=["pi_stream", "deploy"], enable_loader_override=False):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """See above."""
    logging.disable()  # what is logged of bad input is right, and slow
    name, *options = sys.argv[1:]
    # libFuzzer starts itself again, in a shell, to merge.
    atheris.Setup([f"{sys.executable} -m tests.fuzz.one {name}", *options], TARGETS[name])
    atheris.Fuzz()


main()
