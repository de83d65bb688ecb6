"""Which source the settings mean, and why: a person that expected another one reads what to fix."""

import asyncio
from pathlib import Path
from stat import S_ISCHR

from pi_stream.config.settings import CameraSettings
from pi_stream.errors import SettingError, SourceUnavailable
from pi_stream.lib.daemon_thread import TimeLimitedCall, in_daemon_thread
from pi_stream.sources.spec import CaptureFormat, Kind, SourceSpec
from pi_stream.sources.webcam.devices import capture_devices

_BEST_FIRST: tuple[Kind, ...] = ("picamera2", "v4l2", "synthetic")  # that "auto" chooses from, without a path


def choose_source(settings: CameraSettings) -> SourceSpec:
    """Choose the source that the settings mean, which may be "auto"; of a film, check that it can be read.

    May block for ten seconds, or for as long as the film's disk does. Raises SettingError, naming the setting, for a
    film that is missing or is no film.
    """
    if settings.source == "auto":
        return _auto(settings)
    if settings.source == "file":
        _check_film(settings.path)
    return _spec(settings, settings.source, settings.path, f'the settings say source = "{settings.source}"')


async def choose_source_async(settings: CameraSettings) -> SourceSpec:
    """`choose_source` on a daemon thread: neither a caller that is cancelled nor a process that ends waits for it."""
    return await asyncio.wrap_future(in_daemon_thread(lambda: choose_source(settings)))


def libcamera_is_asked() -> bool:
    """Whether libcamera has still to answer which cameras it finds. Once it has, it is worth choosing again."""
    return _libcamera.pending


def is_better(kind: Kind, than: Kind) -> bool:
    """Whether "auto" prefers this kind. Neither is "file", which "auto" takes only for a path."""
    return _BEST_FIRST.index(kind) < _BEST_FIRST.index(than)


def _spec(settings: CameraSettings, kind: Kind, path: str, why: str, refused: tuple[str, ...] = ()) -> SourceSpec:
    return SourceSpec(kind, path, CaptureFormat.of(settings), settings.stall_timeout, why, refused)


def _auto(settings: CameraSettings) -> SourceSpec:
    path = settings.path
    if path.startswith("/dev/video") or (path and S_ISCHR(_mode(path))):
        return _spec(settings, "v4l2", path, f"camera.path is the device {path}")
    if path:
        _check_film(path)
        return _spec(settings, "file", path, f"camera.path is the film {Path(path).name}")
    no_camera = _no_pi_camera()
    if no_camera is None:
        return _spec(settings, "picamera2", "", "libcamera finds a camera")
    refused = [f"picamera2: {no_camera}"]
    devices = capture_devices()
    if devices:
        # Without a path, because a webcam that is plugged in again, or resets itself, may get another number.
        why = f"a webcam was found at {devices[0].path} ({devices[0].card})"
        return _spec(settings, "v4l2", "", why, tuple(refused))
    refused.append("v4l2: no /dev/video* capture device that can be opened (is a webcam plugged in?)")
    return _spec(settings, "synthetic", "", "there is no camera, so the picture is made up", tuple(refused))


def _no_pi_camera() -> str | None:
    """Why picamera2 has no camera to offer; None when it has one."""
    try:
        _libcamera.result()
    except SourceUnavailable as error:
        return str(error)
    return None


def _find_camera() -> object:
    from pi_stream.sources.pi.libcamera import find_camera

    return find_camera("")


# Asking loads libcamera, which talks to every sensor: either may hang in a driver.
_libcamera = TimeLimitedCall("libcamera", _find_camera, timeout_s=10)


def _check_film(path: str) -> None:
    from pi_stream.sources.films.film import probe

    if not path:
        raise SettingError('camera.path: source = "file" needs the path of a film, got nothing')
    _mode(path)  # its error names the whole path of a file that is missing
    try:
        probe(path)
    except SourceUnavailable as error:
        raise SettingError(f"camera.path: {error}") from error


def _mode(path: str) -> int:
    """The file's type and permissions, as `stat` tells them. Raises SettingError."""
    try:
        return Path(path).stat().st_mode
    except FileNotFoundError:
        raise SettingError(f"camera.path: no such file: {path}") from None
    except OSError as error:  # its folder is closed to this user, or there can be no such name
        raise SettingError(f"camera.path: {path} cannot be read: {error.strerror}") from error
