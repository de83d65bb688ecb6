"""The machine that is checked: its files below a root folder, and the output of its programs. Nothing here writes."""

import grp
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_RUN_TIMEOUT_S = 2.0  # for a program that only reads something
_MAX_FILE_BYTES = 1 << 18  # /proc/net/tcp of a busy machine is the longest


def run_program(*command: str, timeout_s: float = _RUN_TIMEOUT_S) -> str | None:
    """Run a program without a shell, and return its output; None if it is not installed.

    It is killed after `timeout_s` seconds. Raises subprocess.SubprocessError if it fails or takes longer, OSError if
    it cannot be started. Blocks.
    """
    program = shutil.which(command[0])
    if program is None:
        return None
    done = subprocess.run(  # noqa: S603 - a program by its path, no shell, only arguments of our own
        [program, *command[1:]],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    return done.stdout.strip()


def _current_user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())  # a dynamic user, which systemd makes for one run of a service


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _may_use(path: Path) -> bool:
    return os.access(path, os.R_OK | os.W_OK)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine, or a folder that looks like one: `root` is put before every path.

    `run` runs its programs, `user` and `groups` are those of the doctor's process, `may_use` says whether they may
    open a device for reading and writing, and `pid` is the process itself.
    """

    root: Path = Path("/")
    run: Callable[..., str | None] = run_program
    user: str = field(default_factory=_current_user)
    groups: frozenset[str] = field(default_factory=lambda: frozenset(map(_group_name, [os.getegid(), *os.getgroups()])))
    may_use: Callable[[Path], bool] = _may_use
    pid: int = field(default_factory=os.getpid)

    def path(self, name: str) -> Path:
        """Where a path of that machine is on this one."""
        return self.root / name.lstrip("/")

    def name(self, path: Path) -> str:
        """The name that a path from `path` or `paths` has on that machine."""
        return f"/{path.relative_to(self.root)}"

    def paths(self, pattern: str) -> list[Path]:
        """All paths that match a glob pattern, sorted by name, video2 before video10; [] if a folder cannot be read."""
        return sorted(self.root.glob(pattern.lstrip("/")), key=lambda path: (len(path.name), path.name))

    def text(self, name: str | Path) -> str | None:
        """A file's first 256 KiB as text, without blanks and zeros at both ends; None if there is no such file.

        Raises PermissionError if it cannot be read, and other OSErrors of the kernel.
        """
        path = self.path(name) if isinstance(name, str) else name
        try:
            with path.open("rb") as file:
                return file.read(_MAX_FILE_BYTES).decode(errors="replace").strip("\0 \t\r\n")
        except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
            return None

    def number(self, name: str | Path, base: int = 10) -> int | None:
        """The number in a file; None if there is no such file. Raises ValueError if the file holds anything else."""
        text = self.text(name)
        return None if text is None else int(text, base)
