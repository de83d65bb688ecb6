"""The root partition, an ext4 file system in a file of its own, read and written by debugfs without being mounted."""

import posixpath
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from deploy.image.errors import CardError
from deploy.image.parts import Folder, Link, Part
from deploy.image.programs import run

_PLAIN = re.compile(r"/[A-Za-z0-9@%+=:,._~/-]*")  # what debugfs takes for one word, and nothing that it reads otherwise
_MODE = re.compile(r"Type: (?P<kind>\w+)\s+Mode:\s+(?P<mode>\d+)")
_OWNER = re.compile(r"User:\s+(?P<user>\d+)\s+Group:\s+(?P<group>\d+)")


class Ext4:
    """One ext4 file system. Paths are absolute in it; links are followed where one is read, and nowhere on the way."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, path: str) -> bytes | None:
        """The content of a file, or None where there is none."""
        for _ in range(8):  # links in a row; more must be a circle
            if (target := self.target(path)) is None:
                break
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        with tempfile.TemporaryDirectory() as spool:
            copy = Path(spool) / "copy"
            self._ask(f"dump {_plain(path)} {copy.name}", folder=copy.parent)
            return copy.read_bytes() if copy.exists() and self.kind(path) == "regular" else None

    def kind(self, path: str) -> str | None:
        """What is there: "regular", "directory", "symlink" ..., or None for nothing."""
        found = _MODE.search(self._ask(f"stat {_plain(path)}"))
        return found["kind"] if found else None

    def files(self, folder: str) -> list[tuple[str, bytes]]:
        """Path and content of every plain file in a folder; none where there is no such folder."""
        # "ls -p" says /inode/mode/user/group/name/size/ of each.
        names = [
            line.split("/")[5] for line in self._ask(f"ls -p {_plain(folder)}").splitlines() if line.count("/") >= 6
        ]
        found = [(f"{folder}/{name}", self.read(f"{folder}/{name}")) for name in names]
        return [(path, content) for path, content in found if content is not None]

    def owner_and_mode(self, path: str) -> tuple[int, int, int]:
        """Number of the user, of the group, and the permission bits. Raises CardError where there is nothing."""
        said = self._ask(f"stat {_plain(path)}")
        owner, mode = _OWNER.search(said), _MODE.search(said)
        if owner is None or mode is None:
            raise CardError(f"{path}: there is no such file in the root partition")
        return int(owner["user"]), int(owner["group"]), int(mode["mode"], 8)

    def target(self, path: str) -> str | None:
        """Where a symbolic link points, or None where there is none."""
        found = re.search(r'Fast link dest: "(.*)"', self._ask(f"stat {_plain(path)}"))
        return found[1] if found else None

    def write(self, parts: Iterable[Part]) -> None:
        """Put files, folders and links there, over what was there. Raises CardError, which names what did not work."""
        parts = list(parts)
        with tempfile.TemporaryDirectory() as spool:
            orders: list[str] = []
            made: set[str] = set()
            for number, part in enumerate(parts):
                orders += self._folders(PurePosixPath(part.path).parent, made)
                orders += self._orders(part, Path(spool) / str(number), made)
            (Path(spool) / "orders").write_text("\n".join(orders) + "\n")
            # debugfs ends with 0 whatever happens, and says what went wrong in words; so what is there is read back.
            said = run("debugfs", "-w", "-f", "orders", self._path.resolve(), folder=Path(spool)).stderr.decode()
        wrong = [line for line in said.splitlines() if line and not line.startswith("debugfs ")]
        if wrong:
            raise CardError(f"the root partition could not be written: {wrong[0]}")
        self.check()

    def remove(self, path: str) -> None:
        """Remove a file or link, if it is there."""
        if self.kind(path) is not None:
            run("debugfs", "-w", "-R", f"rm {_plain(path)}", self._path)

    def check(self) -> None:
        """Raise CardError unless the file system is whole."""
        run("e2fsck", "-f", "-n", self._path)

    def free(self) -> int:
        """Bytes that are free for anybody but root."""
        stats = self._stats()
        return (stats["Free blocks"] - stats["Reserved block count"]) * stats["Block size"]

    def grow(self, size: int) -> None:
        """Make it, and its file, so many bytes large."""
        run("e2fsck", "-f", "-p", self._path, fine=(0, 1))  # resize2fs wants it; 1: it mended something small
        run("resize2fs", self._path, f"{size // 1024}K")

    def _stats(self) -> dict[str, int]:
        said = run("dumpe2fs", "-h", self._path).stdout.decode(errors="replace")
        return {name: int(value) for name, value in re.findall(r"^([A-Z][a-z ]+):\s+(\d+)$", said, re.MULTILINE)}

    def _orders(self, part: Part, spool: Path, made: set[str]) -> list[str]:
        path = _plain(part.path)
        if isinstance(part, Folder):
            make = [] if path in made or self.kind(path) == "directory" else [f"mkdir {path}"]
            made.add(path)
            return [*make, *_owned(path, 0o040000 | part.mode)]
        clear = [f"rm {path}"] if self.kind(path) is not None else []
        if isinstance(part, Link):
            return [*clear, f"symlink {path} {_plain('/' + part.target)[1:]}"]
        if isinstance(part.content, Path):
            spool.symlink_to(part.content.resolve())
        else:
            spool.write_bytes(part.content)
        return [*clear, f"write {spool.name} {path}", *_owned(path, 0o100000 | part.mode)]

    def _folders(self, path: PurePosixPath, made: set[str]) -> list[str]:
        orders: list[str] = []
        for folder in [*reversed(path.parents), path][1:]:
            if str(folder) not in made and self.kind(str(folder)) is None:
                orders.append(f"mkdir {_plain(str(folder))}")
            made.add(str(folder))
        return orders

    def _ask(self, question: str, folder: Path | None = None) -> str:
        return run("debugfs", "-R", question, self._path.resolve(), folder=folder).stdout.decode(errors="replace")


def _owned(path: str, mode: int) -> list[str]:
    return [f"sif {path} mode 0{mode:o}", f"sif {path} uid 0", f"sif {path} gid 0"]


def _plain(path: str) -> str:
    if not _PLAIN.fullmatch(path):
        raise CardError(f'expected a path of letters, digits and %+=:,._~@-, got "{path}"')
    return path
