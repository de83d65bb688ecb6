"""Which source the settings of one camera mean, and why: a person that expected another one reads what to fix."""

from pathlib import Path
from stat import S_ISCHR

from pi_stream.config.settings import CameraSettings
from pi_stream.errors import SettingError, SourceUnavailable
from pi_stream.sources import inventory
from pi_stream.sources.spec import CaptureFormat, Kind, SourceSpec

_BEST_FIRST: tuple[Kind, ...] = ("picamera2", "v4l2", "synthetic")  # that "auto" chooses from, without a path

NO_WEBCAM = "no /dev/video* capture device that can be opened (is a webcam plugged in?)"
NO_CAMERA = "no camera was found, so the test picture is shown"


def choose_source(settings: CameraSettings) -> SourceSpec:
    """Choose the source that the settings mean, which may be "auto", for a camera that is alone; `allocate` is for
    several. Of a film, check that it can be read.

    Without a path the first device of its kind is taken whenever the source is opened: a webcam that is plugged in
    again, or resets itself, may get another number. May block for ten seconds, or for as long as the film's disk does.
    Raises SettingError, naming the setting, for a film that is missing or is no film.
    """
    if settings.source == "auto":
        return _auto(settings)
    if settings.source == "file":
        _check_film(settings.path)
    return spec_of(settings, settings.source, settings.path, setting_says(settings))


def is_better(kind: Kind, than: Kind) -> bool:
    """Whether "auto" prefers this kind. Neither is "file", which "auto" takes only for a path."""
    return _BEST_FIRST.index(kind) < _BEST_FIRST.index(than)


def spec_of(
    settings: CameraSettings, kind: Kind, path: str, why: str, refused: tuple[str, ...] = (), unavailable: str = ""
) -> SourceSpec:
    """The spec of this source, in the format of the settings."""
    return SourceSpec(kind, path, CaptureFormat.of(settings), settings.stall_timeout, why, refused, unavailable)


def setting_says(settings: CameraSettings) -> str:
    """Why a source was chosen that the settings name."""
    return f'the settings say source = "{settings.source}"'


def _auto(settings: CameraSettings) -> SourceSpec:
    path = settings.path
    if path.startswith("/dev/video") or (path and S_ISCHR(_mode(path))):
        return spec_of(settings, "v4l2", path, f"camera.path is the device {path}")
    if path:
        _check_film(path)
        return spec_of(settings, "file", path, f"camera.path is the film {Path(path).name}")
    try:
        inventory.pi_cameras()
        return spec_of(settings, "picamera2", "", "libcamera finds a camera")
    except SourceUnavailable as error:
        refused = [f"picamera2: {error}"]
    devices = inventory.webcams()
    if devices:
        why = f"a webcam was found at {devices[0].path} ({devices[0].card})"
        return spec_of(settings, "v4l2", "", why, tuple(refused))
    refused.append(f"v4l2: {NO_WEBCAM}")
    return spec_of(settings, "synthetic", "", NO_CAMERA, tuple(refused))


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
