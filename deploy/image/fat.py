"""The boot partition: a FAT file system in a file, read and written by mtools."""

import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from deploy.image.errors import CardError
from deploy.image.parts import File
from deploy.image.programs import run


class Fat:
    """One FAT file system. Paths are absolute, with slashes. FAT has no owners and modes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, path: str) -> bytes | None:
        """The content of a file; None if there is none."""
        if not self.exists(path):
            return None
        return run("mtype", "-i", self._path, f"::{path}").stdout

    def exists(self, path: str) -> bool:
        """Whether a file or folder exists. Raises CardError if the file system cannot be read."""
        # mdir exits with 1 both for a missing file and for a damaged file system, so the root is listed first.
        run("mdir", "-i", self._path, "-b", "::/")
        return run("mdir", "-i", self._path, "-b", f"::{path}", ok=(0, 1)).returncode == 0

    def write(self, files: Iterable[File]) -> None:
        """Write files, over those that exist, and create their folders. Raises CardError if there is no space."""
        with tempfile.TemporaryDirectory() as spool:
            for number, file in enumerate(files):
                self._folders(PurePosixPath(file.path).parent)
                source = file.content if isinstance(file.content, Path) else Path(spool) / str(number)
                if isinstance(file.content, bytes):
                    source.write_bytes(file.content)
                run("mcopy", "-i", self._path, "-o", "-n", source, f"::{file.path}")
                # Some versions of mtools exit with 0 although the file system is full.
                if (written := self._size(file.path)) != file.size:
                    raise CardError(
                        f"{file.path}: no space on the boot partition: only {written} of {file.size} bytes were written"
                    )

    def _folders(self, path: PurePosixPath) -> None:
        for folder in [*reversed(path.parents), path][1:]:
            if not self.exists(str(folder)):
                run("mmd", "-i", self._path, f"::{folder}")

    def _size(self, path: str) -> int:
        return len(run("mtype", "-i", self._path, f"::{path}").stdout)
