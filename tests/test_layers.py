"""Imports point down: a layer imports only from the layers below it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.layers import LAYERS, table

CHECKOUT = Path(__file__).parent.parent
PACKAGE = CHECKOUT / "pi_stream"
FILES = sorted(PACKAGE.rglob("*.py"))
CONNECT = "import pi_stream; pi_stream.connect('http://camera.invalid:8000')"
HEIGHT = {layer.name: -number for number, layer in enumerate(LAYERS)}


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


def _layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_layer_imports_only_from_layers_below_it(path: Path) -> None:
    """Every import of ours, also those inside functions."""
    layer = _layer(path)
    for module in _imports(path):
        parts = [*module.split("."), "__init__"]
        if parts[0] != "pi_stream" or parts[1] in (layer, "__version__"):
            continue
        if (layer, parts[1]) == ("__init__", "client"):
            continue  # `pi_stream.connect` imports the Python viewer when it is used
        assert HEIGHT[parts[1]] < HEIGHT[layer], f"{layer} imports {module}, which is above it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_library_is_imported_only_in_its_layers(path: Path) -> None:
    """So that a library can be replaced by changing one folder."""
    for module in _imports(path):
        homes = {layer.name for layer in LAYERS if module.split(".")[0] in layer.libraries}
        assert not homes or _layer(path) in homes, f"{_layer(path)} uses {module}, which only {homes} may"


def test_every_folder_has_its_layer() -> None:
    """A new folder is put into the table before it is used; one that is gone leaves it."""
    assert {_layer(path) for path in FILES} == set(HEIGHT)


def test_the_design_shows_this_table() -> None:
    """docs/design.md holds what `python -m tests.layers` prints."""
    assert table() in (CHECKOUT / "docs" / "design.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", ["import pi_stream.protocol", "import pi_stream.client.viewer", CONNECT])
def test_the_wire_and_the_python_viewer_load_no_renderer(code: str) -> None:
    """A program that reads messages, or puts captions, has no need of fonts, drawing, encoders or FFmpeg."""
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    loaded = told.stdout.split()
    renderers = {"PIL", "av", "isal", "simplejpeg", "pi_stream.overlay", "pi_stream.encoders"}
    assert renderers.isdisjoint(loaded)
    assert "pi_stream.protocol" in loaded
