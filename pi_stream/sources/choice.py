"""Which source there will be, and why: so that whoever expected another one can read what to mend."""

import asyncio
import importlib
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISCHR
from typing import Literal, cast

from pi_stream.errors import SettingError, SourceUnavailable
from pi_stream.lib.daemon_thread import TimeLimitedCall, in_daemon_thread
from pi_stream.sources.webcam.devices import capture_devices

Kind = Literal["picamera2", "v4l2", "file", "synthetic"]
_BEST_FIRST = ("picamera2", "v4l2", "synthetic")  # of what "auto" chooses from, without a path


@dataclass(frozen=True)
class Choice:
    """A source's kind and path ("": the first of that kind, whenever it is opened), why it is this one, and what the
    better ones lacked: sentences for log and status.
    """

    kind: Kind
    path: str
    why: str
    refused: tuple[str, ...] = ()


def resolve(kind: str, path: str = "") -> Choice:
    """Settle `kind`, which may be "auto", and look at the film, if it is one; may block for ten seconds, or as long as
    the film's disk does.

    Raises SettingError, naming the setting, for a kind that there is not, and for a film that is missing or is none.
    """
    if kind == "auto":
        return _auto(path)
    if kind not in ("picamera2", "v4l2", "file", "synthetic"):
        raise SettingError(
            f'camera.source: expected one of "auto", "picamera2", "v4l2", "file", "synthetic", got "{kind}"'
        )
    if kind == "file":
        _check_film(path)
    return Choice(cast("Kind", kind), path, f'the settings say source = "{kind}"')


async def chosen(kind: str, path: str = "") -> Choice:
    """`resolve` beside the event loop; who is cancelled does not wait for it, nor does a process that ends."""
    return await asyncio.wrap_future(in_daemon_thread(lambda: resolve(kind, path)))


def looking() -> bool:
    """Whether libcamera still has to say which cameras it finds. Once it has, another look is worth it."""
    return _libcamera.pending


def is_better(kind: str, than: str) -> bool:
    """Whether "auto" takes this kind rather than the other. Neither is a film, which only a path makes it take."""
    return _BEST_FIRST.index(kind) < _BEST_FIRST.index(than)


def _auto(path: str) -> Choice:
    if path.startswith("/dev/video") or (path and S_ISCHR(_mode(path))):
        return Choice("v4l2", path, f"camera.path is the device {path}")
    if path:
        _check_film(path)
        return Choice("file", path, f"camera.path is the film {Path(path).name}")
    no_camera = _no_pi_camera()
    if no_camera is None:
        return Choice("picamera2", "", "libcamera finds a camera")
    refused = [f"picamera2: {no_camera}"]
    devices = capture_devices()
    if devices:
        # Without a path, for a webcam that is plugged in again, or resets itself, may come back under another number.
        return Choice("v4l2", "", f"a webcam was found at {devices[0].path} ({devices[0].card})", tuple(refused))
    refused.append("v4l2: no /dev/video* capture device that can be opened (is a webcam plugged in?)")
    return Choice("synthetic", "", "there is no camera, so the picture is made up", tuple(refused))


def _no_pi_camera() -> str | None:
    """Why picamera2 has no camera to offer; None when it has one."""
    try:
        _libcamera.result()
    except SourceUnavailable as error:
        return str(error)
    return None


def _find_camera() -> object:
    return importlib.import_module("pi_stream.sources.pi.libcamera").find_camera("")


# To look is to load it, and to talk to every sensor: either may hang in a driver.
_libcamera = TimeLimitedCall("libcamera", _find_camera, timeout_s=10)


def _check_film(path: str) -> None:
    if not path:
        raise SettingError('camera.path: source = "file" needs the path of a film, got nothing')
    _mode(path)  # says the whole path of what is missing
    film = importlib.import_module("pi_stream.sources.films.film")
    try:
        film.probe(path)
    except SourceUnavailable as error:
        raise SettingError(f"camera.path: {error}") from error


def _mode(path: str) -> int:
    """What kind of a file it is, as `stat` tells. Raises SettingError."""
    try:
        return Path(path).stat().st_mode
    except FileNotFoundError:
        raise SettingError(f"camera.path: no such file: {path}") from None
    except OSError as error:  # its folder is closed to this user, or there can be no such name
        raise SettingError(f"camera.path: {path} cannot be read: {error.strerror}") from error
