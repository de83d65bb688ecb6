"""The root partition: an ext4 file system in a file, read and written by debugfs without mounting it."""

import posixpath
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from deploy.image.errors import CardError
from deploy.image.parts import Folder, Link, Part
from deploy.image.programs import run

_SAFE_PATH = re.compile(
    r"/[A-Za-z0-9@%+=:,._~/-]*"
)  # one word for debugfs, without characters that it treats specially
_MODE = re.compile(r"Type: (?P<kind>\w+)\s+Mode:\s+(?P<mode>\d+)")
_OWNER = re.compile(r"User:\s+(?P<user>\d+)\s+Group:\s+(?P<group>\d+)")


class Ext4:
    """One ext4 file system. Paths are absolute. When reading, a link at the end of a path is followed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, path: str) -> bytes | None:
        """The content of a file; None if there is none."""
        for _ in range(8):  # links in a row; more must be a loop
            if (target := self.target(path)) is None:
                break
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        with tempfile.TemporaryDirectory() as spool:
            copy = Path(spool) / "copy"
            self._debugfs(f"dump {_checked(path)} {copy.name}", folder=copy.parent)
            return copy.read_bytes() if copy.exists() and self.kind(path) == "regular" else None

    def kind(self, path: str) -> str | None:
        """The type of a file: "regular", "directory", "symlink" ...; None if it does not exist."""
        found = _MODE.search(self._debugfs(f"stat {_checked(path)}"))
        return found["kind"] if found else None

    def files(self, folder: str) -> list[tuple[str, bytes]]:
        """Path and content of every regular file in a folder; [] if the folder does not exist."""
        # "ls -p" prints /inode/mode/user/group/name/size/ for each.
        names = [
            line.split("/")[5]
            for line in self._debugfs(f"ls -p {_checked(folder)}").splitlines()
            if line.count("/") >= 6
        ]
        found = [(f"{folder}/{name}", self.read(f"{folder}/{name}")) for name in names]
        return [(path, content) for path, content in found if content is not None]

    def owner_and_mode(self, path: str) -> tuple[int, int, int]:
        """User id, group id and permission bits. Raises CardError if the file does not exist."""
        output = self._debugfs(f"stat {_checked(path)}")
        owner, mode = _OWNER.search(output), _MODE.search(output)
        if owner is None or mode is None:
            raise CardError(f"{path}: does not exist in the root partition")
        return int(owner["user"]), int(owner["group"]), int(mode["mode"], 8)

    def target(self, path: str) -> str | None:
        """The target of a symbolic link; None if it is none."""
        found = re.search(r'Fast link dest: "(.*)"', self._debugfs(f"stat {_checked(path)}"))
        return found[1] if found else None

    def write(self, parts: Iterable[Part]) -> None:
        """Write files, folders and links, over those that exist. Raises CardError with the first failure."""
        parts = list(parts)
        with tempfile.TemporaryDirectory() as spool:
            commands: list[str] = []
            made: set[str] = set()
            for number, part in enumerate(parts):
                commands += self._folders(PurePosixPath(part.path).parent, made)
                commands += self._write_commands(part, Path(spool) / str(number), made)
            (Path(spool) / "commands").write_text("\n".join(commands) + "\n")
            # debugfs exits with 0 also on failure, and reports it on stderr.
            stderr = run("debugfs", "-w", "-f", "commands", self._path.resolve(), folder=Path(spool)).stderr.decode()
        wrong = [line for line in stderr.splitlines() if line and not line.startswith("debugfs ")]
        if wrong:
            raise CardError(f"the root partition could not be written: {wrong[0]}")
        self.check()

    def remove(self, path: str) -> None:
        """Remove a file or link, if it exists."""
        if self.kind(path) is not None:
            run("debugfs", "-w", "-R", f"rm {_checked(path)}", self._path)

    def check(self) -> None:
        """Check the file system. Raises CardError if it is damaged."""
        run("e2fsck", "-f", "-n", self._path)

    def free(self) -> int:
        """Free bytes, without root's reserve."""
        stats = self._stats()
        return (stats["Free blocks"] - stats["Reserved block count"]) * stats["Block size"]

    def grow(self, size: int) -> None:
        """Grow the file system, and its file, to `size` bytes."""
        run("e2fsck", "-f", "-p", self._path, ok=(0, 1))  # resize2fs requires it; 1: errors were corrected
        run("resize2fs", self._path, f"{size // 1024}K")

    def _stats(self) -> dict[str, int]:
        output = run("dumpe2fs", "-h", self._path).stdout.decode(errors="replace")
        return {name: int(value) for name, value in re.findall(r"^([A-Z][a-z ]+):\s+(\d+)$", output, re.MULTILINE)}

    def _write_commands(self, part: Part, spool: Path, made: set[str]) -> list[str]:
        path = _checked(part.path)
        if isinstance(part, Folder):
            make = [] if path in made or self.kind(path) == "directory" else [f"mkdir {path}"]
            made.add(path)
            return [*make, *_owned(path, 0o040000 | part.mode)]
        clear = [f"rm {path}"] if self.kind(path) is not None else []
        if isinstance(part, Link):
            return [*clear, f"symlink {path} {_checked('/' + part.target)[1:]}"]
        if isinstance(part.content, Path):
            spool.symlink_to(part.content.resolve())
        else:
            spool.write_bytes(part.content)
        return [*clear, f"write {spool.name} {path}", *_owned(path, 0o100000 | part.mode)]

    def _folders(self, path: PurePosixPath, made: set[str]) -> list[str]:
        commands: list[str] = []
        for folder in [*reversed(path.parents), path][1:]:
            if str(folder) not in made and self.kind(str(folder)) is None:
                commands.append(f"mkdir {_checked(str(folder))}")
            made.add(str(folder))
        return commands

    def _debugfs(self, command: str, folder: Path | None = None) -> str:
        return run("debugfs", "-R", command, self._path.resolve(), folder=folder).stdout.decode(errors="replace")


def _owned(path: str, mode: int) -> list[str]:
    return [f"sif {path} mode 0{mode:o}", f"sif {path} uid 0", f"sif {path} gid 0"]


def _checked(path: str) -> str:
    if not _SAFE_PATH.fullmatch(path):
        raise CardError(f'expected a path of letters, digits and %+=:,._~@-, got "{path}"')
    return path
