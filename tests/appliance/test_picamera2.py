"""The Pi camera's source on the real picamera2 and libcamera. The tests themselves run inside, by the Python there."""

from pathlib import Path

import pytest

from tests.appliance.container import INSIDE, Container

_TESTS = Path(__file__).parent / "inside"
_THERE = f"{INSIDE}/tests/appliance/inside"


@pytest.mark.parametrize("name", sorted(path.name for path in _TESTS.glob("test_*.py")))
def test_inside(camera: Container, name: str) -> None:
    """Every test of this file passes there."""
    done = camera.call(
        *("/opt/venv/bin/python", "-m", "pytest", "-p", "no:cacheprovider", "-rA", "--capture=no"),
        *("-W", "ignore:setDaemon:DeprecationWarning"),  # picamera2 0.3.38 still calls it
        f"--confcutdir={_THERE}",  # what is around it is for here, and uses what there is only here
        f"{_THERE}/{name}",
        timeout=120,
        environment={"PYTHONPATH": INSIDE, "PYTHONDONTWRITEBYTECODE": "1", "LIBCAMERA_LOG_LEVELS": "*:FATAL"},
    )
    told = (done.stdout + done.stderr).decode(errors="replace")
    print(told)
    assert done.returncode == 0, told
