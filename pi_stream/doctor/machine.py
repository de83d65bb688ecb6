"""The machine that is looked at: its files below a root, and what its programs answer. Nothing here writes."""

import grp
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_PATIENCE = 2.0  # seconds for a program that only reads something
_LONGEST = 1 << 18  # bytes of a file that are read: /proc/net/tcp of a busy machine is the longest


def ask(*command: str, patience: float = _PATIENCE) -> str | None:
    """What a program prints; None where there is no such program.

    It is run without a shell and ended after `patience` seconds. Raises subprocess.SubprocessError when it fails or
    takes longer, OSError when it cannot be started.
    """
    program = shutil.which(command[0])
    if program is None:
        return None
    answer = subprocess.run(  # noqa: S603 - a program by its path, no shell, words of our own only
        [program, *command[1:]],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        text=True,
        errors="replace",
        timeout=patience,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    return answer.stdout.strip()


def _me() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())  # a user that systemd made for the time of one service


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _may_use(path: Path) -> bool:
    return os.access(path, os.R_OK | os.W_OK)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine, or a folder that looks like one: `root` is put before every path.

    `ask` answers for its programs, `user` and `groups` are who looks, and `may_use` is whether they may open a device.
    """

    root: Path = Path("/")
    ask: Callable[..., str | None] = ask
    user: str = field(default_factory=_me)
    groups: frozenset[str] = field(default_factory=lambda: frozenset(map(_group, [os.getegid(), *os.getgroups()])))
    may_use: Callable[[Path], bool] = _may_use
    pid: int = field(default_factory=os.getpid)

    def path(self, name: str) -> Path:
        """Where a path of that machine is on this one."""
        return self.root / name.lstrip("/")

    def name(self, path: Path) -> str:
        """A path of `path` or `paths` as that machine calls it."""
        return f"/{path.relative_to(self.root)}"

    def paths(self, pattern: str) -> list[Path]:
        """All paths that match, in the order of their names; none where a folder is missing or closed to us."""
        return sorted(self.root.glob(pattern.lstrip("/")), key=lambda path: (len(path.name), path.name))

    def text(self, name: str | Path) -> str | None:
        """A file's text, without the blanks and zeros at its ends; None where there is no such file.

        Raises PermissionError where it may not be read, and other OSErrors as the kernel has them.
        """
        path = self.path(name) if isinstance(name, str) else name
        try:
            with path.open("rb") as file:
                return file.read(_LONGEST).decode(errors="replace").strip("\0 \t\r\n")
        except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
            return None

    def number(self, name: str | Path, base: int = 10) -> int | None:
        """A file that holds one number; None where there is no such file. Raises ValueError where it is none."""
        text = self.text(name)
        return None if text is None else int(text, base)
