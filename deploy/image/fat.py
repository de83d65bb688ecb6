"""The boot partition, a FAT file system in a file of its own, read and written by mtools."""

import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from deploy.image.errors import CardError
from deploy.image.parts import File
from deploy.image.programs import run


class Fat:
    """One FAT file system. Paths are absolute in it, with slashes; owners and modes it has none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, path: str) -> bytes | None:
        """The content of a file, or None where there is none."""
        if not self.exists(path):
            return None
        return run("mtype", "-i", self._path, f"::{path}").stdout

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder of this name. Raises CardError when the file system cannot be read."""
        # mdir ends with 1 both for "no such file" and for "no such file system"; the second is asked for beforehand.
        run("mdir", "-i", self._path, "-b", "::/")
        return run("mdir", "-i", self._path, "-b", f"::{path}", fine=(0, 1)).returncode == 0

    def write(self, files: Iterable[File]) -> None:
        """Put files there, over what was there, with the folders that they need."""
        with tempfile.TemporaryDirectory() as spool:
            for number, file in enumerate(files):
                self._folders(PurePosixPath(file.path).parent)
                source = file.content if isinstance(file.content, Path) else Path(spool) / str(number)
                if isinstance(file.content, bytes):
                    source.write_bytes(file.content)
                run("mcopy", "-i", self._path, "-o", "-n", source, f"::{file.path}")
                # mtools tells of a full file system on its way, and still ends with 0 in some versions.
                if (there := self._size(file.path)) != file.size:
                    raise CardError(f"{file.path}: no room on the boot partition: {there} of {file.size} bytes fitted")

    def _folders(self, path: PurePosixPath) -> None:
        for folder in [*reversed(path.parents), path][1:]:
            if not self.exists(str(folder)):
                run("mmd", "-i", self._path, f"::{folder}")

    def _size(self, path: str) -> int:
        return len(run("mtype", "-i", self._path, f"::{path}").stdout)
