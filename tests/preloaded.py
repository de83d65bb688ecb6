"""Stand-ins that are preloaded into a process: a C file beside this one, compiled."""

import shutil
import subprocess
from pathlib import Path

import pytest


def compiled(name: str, folder: Path) -> Path:
    """The library made of `name`.c, in `folder`; without a C compiler the test is skipped."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip(f"there is no C compiler for {name}.c (apt install gcc)")
    made, source = folder / f"{name}.so", Path(__file__).with_name(f"{name}.c")
    done = subprocess.run(
        [compiler, "-O1", "-shared", "-fPIC", "-o", made, source, "-ldl"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"{name}.c does not compile here: {done.stderr.strip().splitlines()[-1]}")
    return made
