"""Launchers: commands that become the one after them, in a world that is another for it alone.

What a kernel or a container does not allow is a reason to skip, which is printed.
"""

import asyncio
import shutil
import subprocess
from collections.abc import Sequence

import pytest

# A user whom /etc/passwd does not know and who has no $HOME, as where systemd or a container made one up.
NOBODY_KNOWN = ("unshare", "--user", "--map-user=61234", "env", "--unset=HOME")


async def or_skip(launcher: Sequence[str], what: str) -> Sequence[str]:
    """The same, once it was tried; skips the test, saying that `what` cannot be here and why, where it cannot start."""
    if problem := await asyncio.to_thread(_problem, launcher):
        pytest.skip(f"{what} cannot be here: {problem}")
    return launcher


def _problem(launcher: Sequence[str]) -> str:
    if shutil.which(launcher[0]) is None:
        return f"there is no {launcher[0]} (apt install util-linux)"
    done = subprocess.run([*launcher, "true"], capture_output=True, text=True, check=False)
    return (done.stderr.strip() or f"exit code {done.returncode}") if done.returncode else ""
