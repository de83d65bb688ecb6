"""What the tests of whole machines need. Where it cannot be had they are skipped, and the reason is printed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.appliance.container import Container
from tests.appliance.roots import CHECKOUT, root
from tests.browser.conftest import browser

__all__ = ["browser"]  # the same for the pages that a container serves

_MISSING = CHECKOUT / ".venv" / "missing" / "appliance"


@pytest.fixture(scope="session", autouse=True)
def provided() -> None:
    """tests/appliance/provide, which `make test-appliance` runs first, has found or installed everything."""
    if _MISSING.exists():
        pytest.skip(f"no machines to test in: {_MISSING.read_text().strip()}")


@pytest.fixture(scope="session")
def debian_root() -> Path:
    """A small Debian 13."""
    return root("debian")


@pytest.fixture(scope="session")
def camera_root() -> Path:
    """A Debian 13 with the real picamera2 and a camera."""
    return root("camera")


@pytest.fixture
def debian(debian_root: Path) -> Iterator[Container]:
    """A small Debian 13, running."""
    with Container(debian_root) as container:
        yield container


@pytest.fixture
def camera(camera_root: Path) -> Iterator[Container]:
    """A Debian 13 with the real picamera2 and a camera, running."""
    with Container(camera_root) as container:
        yield container
