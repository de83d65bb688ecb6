"""The file that passwords and tokens are kept in: readable by the service's user alone, and hashed even so.

Commands write it, and the service only reads it.
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
_LARGEST = 1 << 16  # bytes


def load(path: Path) -> Credentials | None:
    """What was kept; None when nothing ever was. Raises SettingError when it cannot be read, or is damaged."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise SettingError(f"{path}: expected at most {_LARGEST >> 10} KiB, got more")
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
            "delete it, and set them anew with: pi-stream password"
        ) from None


def save(path: Path, keys: Credentials) -> None:
    """Replace the file by one that is whole, mode 0600, of whoever owns the folder. Raises SettingError."""
    try:
        folder = path.parent.stat()
        owner = (folder.st_uid, folder.st_gid) if os.geteuid() == 0 else None  # set with sudo, read by the service
        atomic_file.write(path, msgspec.json.format(msgspec.json.encode(keys)), owner=owner)
    except OSError as error:
        raise SettingError(f"{path}: cannot be written: {error.strerror}") from None


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let nobody else change the keys while the block runs; makes the folder if need be. Raises SettingError."""
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
    """Something that is another when the file is; None: there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
