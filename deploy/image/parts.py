"""What is written to a card: files, folders and links with their modes. Values without I/O."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class File:
    """A file with this content, or with the content of a local file. Everything on a card belongs to root."""

    path: str
    content: bytes | Path
    mode: int = 0o644

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self.content.stat().st_size if isinstance(self.content, Path) else len(self.content)


@dataclass(frozen=True)
class Folder:
    """A folder; if it exists, it gets this mode."""

    path: str
    mode: int = 0o755


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    path: str
    target: str


Part = File | Folder | Link
