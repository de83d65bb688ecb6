"""What the tests run with is written down, all of it, and what pi-stream asks for can be had at both ends."""

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parent.parent


def pinned() -> dict[str, str]:
    """The versions of tests/constraints.txt by the names of packages."""
    lines = (CHECKOUT / "tests/constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def closure(name: str, extras: set[str]) -> set[str]:
    """The names of all packages that this one needs here, and that those need."""
    found: set[str] = set()
    waiting = [(name, extras)]
    while waiting:
        name, extras = waiting.pop()
        for line in distribution(name).requires or ():
            needed = Requirement(line)
            wanted = needed.marker is None or any(needed.marker.evaluate({"extra": each}) for each in {"", *extras})
            if wanted and (other := canonicalize_name(needed.name)) not in found:
                found.add(other)
                waiting.append((other, needed.extras))
    return found


def test_every_package_that_the_tests_run_with_has_its_version() -> None:
    """Those too that only others need: what passes today passes tomorrow. No more than these are listed."""
    assert closure("pi-stream", {"test"}) == {*pinned()}


def test_every_library_has_a_lowest_version_that_can_be_tried() -> None:
    """One lower bound: `make test-lowest` installs just that. Only a library whose inside is read has an upper one."""
    needed = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert [line for line in needed if not re.fullmatch(r"[a-z]+>=\d+(\.\d+)+(,<\d+)?", line)] == []
    assert [line for line in needed if "<" in line] == ["aiohttp>=3.11.16,<4"]
