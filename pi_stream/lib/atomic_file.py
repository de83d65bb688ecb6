"""Atomic writing of files: after a crash or a power cut the file is complete, either the old or the new one."""

import contextlib
import os
from pathlib import Path


def write(path: Path, data: bytes, *, mode: int = 0o600, owner: tuple[int, int] | None = None) -> None:
    """Create or replace the file. Blocks until it is on the disk.

    `owner` is the user id and group id of the new file; None: those of this process. Only one process at a time may
    write a file. A write that a power cut interrupts leaves <name>.new beside the file until the next write. Raises
    OSError if the file may not have been written; try again then.
    """
    new = path.with_name(path.name + ".new")
    try:
        new.unlink(missing_ok=True)
        # O_EXCL: root writes into folders of other users, who could have put a link there.
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            if owner is not None:
                os.fchown(file.fileno(), *owner)
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        with contextlib.suppress(OSError):  # the first error is the one to report
            new.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # without it, a power cut may undo the renaming
    finally:
        os.close(folder)
