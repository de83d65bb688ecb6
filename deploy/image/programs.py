"""Programs of the system that read and write file systems, run so that their complaints become one sentence."""

import os
import shutil
import subprocess
from pathlib import Path

from deploy.image.errors import CardError

PATIENCE = 1800.0  # seconds; growing the file system of a slow disk takes minutes, more than this nothing

PACKAGES = {
    "apt-cache": "apt",
    "apt-get": "apt",
    "debugfs": "e2fsprogs",
    "dpkg-deb": "dpkg",
    "dumpe2fs": "e2fsprogs",
    "e2fsck": "e2fsprogs",
    "mkfs.ext4": "e2fsprogs",
    "resize2fs": "e2fsprogs",
    "mcopy": "mtools",
    "mdir": "mtools",
    "mmd": "mtools",
    "mtype": "mtools",
    "openssl": "openssl",
    "sfdisk": "fdisk",
}


def find(name: str) -> str:
    """Where a program is. Raises CardError, which names the package to install."""
    # Debian keeps mkfs and its like where only root looks for programs, though anybody may run them on a file.
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))
    if found is None:
        raise CardError(f"{name} is missing; install it with: sudo apt install {PACKAGES.get(name, name)}")
    return found


def run(
    name: str,
    *arguments: str | Path,
    given: str | bytes = "",
    folder: Path | None = None,
    fine: tuple[int, ...] = (0,),
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program and wait for it; `given` is its input, `fine` the exit codes that mean success.

    Raises CardError with what the program said last, or that it took longer than 30 minutes.
    """
    command = [find(name), *(str(each) for each in arguments)]
    try:
        done = subprocess.run(  # noqa: S603 - the program is one of ours above, and no shell is between
            command,
            input=given.encode() if isinstance(given, str) else given,
            capture_output=True,
            cwd=folder,
            timeout=PATIENCE,
            check=False,
            # One language, so that what programs say can be read; mtools would refuse layouts that it finds odd.
            env={**os.environ, "LC_ALL": "C", "MTOOLS_SKIP_CHECK": "1", **(environment or {})},
        )
    except subprocess.TimeoutExpired:
        raise CardError(f"{name} did not end within {PATIENCE / 60:.0f} minutes") from None
    if done.returncode not in fine:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        raise CardError(f"{name} failed with exit code {done.returncode}: {said[-1] if said else 'it said nothing'}")
    return done
