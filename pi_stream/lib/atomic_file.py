"""Writing a file in one step: whatever happens meanwhile, a power cut too, the old or the new one is there, whole."""

import contextlib
import os
from pathlib import Path


def write(path: Path, data: bytes, *, mode: int = 0o600, owner: tuple[int, int] | None = None) -> None:
    """Replace the file, or make it; `owner` is its user and group, where it is not to be ours. Blocks.

    One process writes a file at a time. What a power cut interrupts lies beside it, as <name>.new, until the next time.
    Raises OSError when it is not written for certain; then it is best tried again.
    """
    new = path.with_name(path.name + ".new")
    try:
        new.unlink(missing_ok=True)
        # Made by us, whatever lies in wait under that name: root writes into folders of others.
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            if owner is not None:
                os.fchown(file.fileno(), *owner)
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            new.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # without it, a power cut may still undo the renaming
    finally:
        os.close(folder)
