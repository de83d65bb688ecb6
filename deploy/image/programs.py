"""Runs the system's programs for file systems and packages; an error of theirs becomes one sentence."""

import os
import shutil
import subprocess
from pathlib import Path

from deploy.image.errors import CardError

RUN_TIMEOUT_S = 1800.0  # growing a file system on a slow disk takes minutes

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
    """The path of a program. Raises CardError with the package to install if it is missing."""
    # Debian keeps mkfs and similar programs outside other users' PATH, but all users can run them on a file.
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))
    if found is None:
        raise CardError(f"{name} is missing; install it with: sudo apt install {PACKAGES.get(name, name)}")
    return found


def run(
    name: str,
    *arguments: str | Path,
    stdin: str | bytes = "",
    folder: Path | None = None,
    ok: tuple[int, ...] = (0,),
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program, and wait for it. `stdin` is its input, `ok` the exit codes that mean success.

    Raises CardError with the last line of the program's output, or if it takes longer than 30 minutes.
    """
    command = [find(name), *(str(each) for each in arguments)]
    try:
        done = subprocess.run(  # noqa: S603 - one of the programs above, without a shell
            command,
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            cwd=folder,
            timeout=RUN_TIMEOUT_S,
            check=False,
            # LC_ALL: output is parsed. MTOOLS_SKIP_CHECK: mtools refuses unusual layouts otherwise.
            env={**os.environ, "LC_ALL": "C", "MTOOLS_SKIP_CHECK": "1", **(environment or {})},
        )
    except subprocess.TimeoutExpired:
        raise CardError(f"{name} did not finish within {RUN_TIMEOUT_S / 60:.0f} minutes") from None
    if done.returncode not in ok:
        output = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        raise CardError(f"{name} failed with exit code {done.returncode}: {output[-1] if output else 'no output'}")
    return done
