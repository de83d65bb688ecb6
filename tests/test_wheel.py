"""The wheel: installed anywhere, it has all that the service needs of its own."""

import asyncio
import os
import subprocess
import sys
import venv
from pathlib import Path

import aiohttp
import pytest

from pi_stream import __version__
from tests.running import PATIENCE

HERE = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    # In a process of its own, as build front ends do it: a build backend may change whatever it likes.
    subprocess.run(
        [sys.executable, "-c", f"import hatchling.build; hatchling.build.build_wheel({str(folder)!r})"],
        cwd=HERE,
        check=True,
        capture_output=True,
        timeout=60,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a fresh virtual environment with the wheel; the libraries that it needs are this environment's."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    subprocess.run(
        [*pip, "install", "--no-deps", "--no-index", str(wheel)], check=True, capture_output=True, timeout=120
    )
    (packages,) = folder.glob("lib/python3*/site-packages")
    # A plain path: what is installed there as a link to this checkout, as pi-stream itself, is not found that way.
    (packages / "libraries.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")))
    return folder


async def test_installed_from_its_wheel_it_serves_its_page(installed: Path, tmp_path: Path) -> None:
    """Page, fonts and all come out of the wheel, far from any checkout."""
    outside = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "STATE_DIRECTORY")}
    options = "server.host=127.0.0.1", "server.port=0", "camera.source=synthetic"
    process = await asyncio.create_subprocess_exec(
        *(installed / "bin" / "pi-stream", "serve", "--config", os.devnull),
        *(word for option in options for word in ("--set", option)),
        stdout=asyncio.subprocess.PIPE,
        cwd=tmp_path,
        env={**outside, "STATE_DIRECTORY": str(tmp_path)},
    )
    try:
        assert process.stdout is not None
        url = ""
        async with asyncio.timeout(PATIENCE):
            while not url:
                line = (await process.stdout.readline()).decode()
                assert line, "it ended"
                url = line.strip() if line.startswith("  http") else ""
            async with aiohttp.ClientSession(url) as session:
                for path in (HERE / "www").rglob("*"):
                    if path.is_file():
                        async with session.get(path.relative_to(HERE / "www").as_posix()) as answer:
                            assert await answer.read() == path.read_bytes()
                async with session.get("snapshot.jpg") as answer:
                    assert (await answer.read())[:2] == b"\xff\xd8"
                async with session.post("api/captions", json={"text": "Ǆ"}) as answer:
                    assert answer.status == 201
                async with session.get("api/status") as answer:
                    assert (await answer.json())["version"] == __version__
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


def test_its_font_is_its_own(installed: Path, tmp_path: Path) -> None:
    """Captions are drawn where no font is installed; the font and its licence came in the wheel."""
    where = "import pi_stream.overlay.fonts as fonts; print(fonts.BUNDLED)"
    outside = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    python = str(installed / "bin" / "python")
    told = subprocess.run([python, "-c", where], env=outside, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    font = Path(told.stdout.decode().strip())
    assert font.is_relative_to(installed)
    for name in ("DejaVuSans.ttf", "DejaVuSans.charset.txt", "DejaVuSans.LICENSE.txt"):
        assert (font.parent / name).read_bytes() == (HERE / "pi_stream" / "overlay" / "font_files" / name).read_bytes()
