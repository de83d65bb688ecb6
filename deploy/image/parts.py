"""What lies on a card: files, folders and links, each with its owner and mode. Values without I/O."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class File:
    """A file with this content, or that of a file here. It belongs to root, as all that we put on a card does."""

    path: str
    content: bytes | Path
    mode: int = 0o644

    @property
    def size(self) -> int:
        """In bytes."""
        return self.content.stat().st_size if isinstance(self.content, Path) else len(self.content)


@dataclass(frozen=True)
class Folder:
    """A folder; that it may exist already is fine, and then its mode becomes this one."""

    path: str
    mode: int = 0o755


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    path: str
    target: str


Part = File | Folder | Link
