"""python -m tests.fuzz [--seconds N] [TARGET...]: look for inputs that a target does not stand, guided by coverage.

Each target runs in a process of its own, as libFuzzer ends with it. What covers code that nothing in the corpus covers
is kept in .fuzz/TARGET; what breaks a target is kept there as crash-HASH, and is to be mended, and then to be added to
tests/fuzz/corpus/TARGET, which pytest replays. `--add` merges what was found into the corpus, as few files as cover it
all; look at them before they are kept.
"""

import argparse
import subprocess
import sys

from tests.fuzz.corpus import CORPUS, FOUND

_LONGEST = 4096  # bytes of an input; what is longer is for tests of limits
_MEMORY = 2048  # MiB; a target that takes more is stopped, and told


def _run(target: str, seconds: int) -> int:
    """Fuzz one target in a process of its own; its exit code."""
    found = FOUND / target
    found.mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={seconds}", f"-artifact_prefix={found}/", f"-max_len={_LONGEST}"]
    options += [f"-rss_limit_mb={_MEMORY}", "-timeout=20", "-print_final_stats=1", str(found), str(CORPUS / target)]
    return _one(target, *options)


def _one(target: str, *options: str) -> int:
    return subprocess.run([sys.executable, "-m", "tests.fuzz.one", target, *options], check=False).returncode


def _merge(target: str) -> int:
    """Have the corpus cover what was found."""
    (CORPUS / target).mkdir(parents=True, exist_ok=True)
    return _one(target, "-merge=1", str(CORPUS / target), str(FOUND / target))


def main() -> int:
    """Run all that is asked for; 1 when one of them broke."""
    from tests.fuzz.targets import TARGETS

    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each of them (default: 60)")
    parser.add_argument("--add", action="store_true", help="merge what was found into tests/fuzz/corpus instead")
    options = parser.parse_args()
    failed = []
    for target in options.targets or TARGETS:
        print(f"== {target}", flush=True)
        if _merge(target) if options.add else _run(target, options.seconds):
            failed.append(target)
    for target in failed:
        print(f"FAILED {target}: see .fuzz/{target}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
