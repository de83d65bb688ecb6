"""The file of passwords and tokens: it holds hashes, and only the service's user can read it.

The commands `password` and `token` write it; the service only reads it.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pi_stream.auth.credentials import Credentials
from pi_stream.errors import SettingError
from pi_stream.lib import atomic_file

NAME = "auth.json"  # in the state folder
_MAX_FILE_BYTES = 1 << 16


def load(path: Path) -> Credentials | None:
    """Read the file; None if there is none. Blocks. Raises SettingError if it cannot be read, or is damaged."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
        if len(data) > _MAX_FILE_BYTES:
            raise SettingError(f"{path}: expected at most {_MAX_FILE_BYTES >> 10} KiB, got more")
        return msgspec.json.decode(data, type=Credentials)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingError(f"{path}: cannot be read: {error.strerror}") from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        if isinstance(error, SettingError):
            raise
        raise SettingError(
            f"{path}: expected passwords and tokens as pi-stream writes them, got a damaged file ({error}); "
            "delete it, and set the passwords again with: pi-stream password"
        ) from None


def save(path: Path, credentials: Credentials) -> None:
    """Replace the file, atomically, with mode 0600 and the owner of the folder. Blocks. Raises SettingError."""
    try:
        folder = path.parent.stat()
        owner = (folder.st_uid, folder.st_gid) if os.geteuid() == 0 else None  # written with sudo, read by the service
        atomic_file.write(path, msgspec.json.format(msgspec.json.encode(credentials)), owner=owner)
    except OSError as error:
        raise SettingError(f"{path}: cannot be written: {error.strerror}") from None


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Lock the folder for the time of the block; create it if needed. Raises SettingError if another command has it."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise SettingError(f"{folder}: cannot be opened: {error.strerror}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise SettingError(f"{folder}: another pi-stream command is changing passwords or tokens; try again") from None
    finally:
        os.close(handle)


def version(path: Path) -> tuple[int, int, int] | None:
    """A value that changes when the file changes (inode, time, size); None: there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
