"""Imports point down: a room knows only what lies on the floors below it."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "pi_stream"

# docs/design.md draws the house. A room may import rooms of lower floors and, inside a folder, its neighbours there.
FLOORS = {
    "__init__": 0, "frame": 0, "slot": 0, "handover": 0, "errors": 0, "clock": 0, "colour": 0, "shape": 0, "rate": 0,
    "line": 0, "window": 0, "ladder": 0, "vitals": 0, "lag": 0, "heap": 0, "locks": 0, "history": 0, "atomic": 0,
    "tally": 0, "question": 0, "untrusted": 0, "aside": 0, "bugs": 0,
    "sources": 1, "overlay": 1, "encoders": 1, "config": 1, "announce": 1, "auth": 1, "doctor": 1, "unit": 1, "tls": 1,
    "hub": 2, "protocol": 2, "camera": 2, "text_picture": 2, "received": 2, "checkup": 2, "reload": 2, "identity": 2,
    "next_steps": 2,
    "server": 3, "viewer": 3,
    "upkeep": 4,
    "service": 5, "password_commands": 5, "certificate_command": 5,
    "cli": 6,
    "__main__": 7,
}  # fmt: skip  # one line a floor

LIBRARIES = {
    "aiohttp": {"server"}, "websockets": {"viewer"}, "av": {"sources", "encoders"}, "picamera2": {"sources"},
    "systemd": {"unit"}, "cryptography": {"tls"}, "segno": {"certificate_command"},
}  # fmt: skip  # one line


def _room(module: str) -> str:
    return [*module.split("."), "__init__"][1]


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            module = node.module or ""
            found |= {f"{module}.{alias.name}" for alias in node.names} if module == "pi_stream" else {module}
    return found


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_what_lies_below_it(path: Path) -> None:
    """Rooms of one floor do not know each other, but for the joints, which may know their own floor's types."""
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for module in _imports(path):
        if module.split(".")[0] != "pi_stream":
            homes = LIBRARIES.get(module.split(".")[0])
            assert homes is None or room in homes, f"{room} uses {module}, which belongs to {homes}"
            continue
        other = _room(module)
        if other in (room, "__version__") or (room, other) == ("__init__", "viewer"):
            continue  # the package's front door opens the Python viewer when it is asked for
        below = FLOORS[other] < FLOORS[room] or FLOORS[other] == FLOORS[room] == 0
        assert below, f"{room} (floor {FLOORS[room]}) imports {module} (floor {FLOORS[other]})"


def test_every_room_has_its_floor() -> None:
    """A new room is placed before it is used."""
    assert {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES} == set(FLOORS)
