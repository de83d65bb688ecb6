"""Which source is taken, and why not a better one."""

import itertools
from pathlib import Path
from typing import Literal

import pytest

from pi_stream.config.settings import CameraSettings
from pi_stream.errors import SettingError, SourceUnavailable
from pi_stream.sources import CaptureFormat, Kind, SourceSpec, choose_source, inventory, open_source
from pi_stream.sources.webcam.devices import Device
from tests.films import bars, write_film
from tests.stand_in_picamera2 import Plan, installed

FORMAT = CaptureFormat(640, 360, 25, 180)
BUNNY = str(Path(__file__).parent / "media" / "bunny.mp4")


def chosen(source: Kind | Literal["auto"], path: str = "") -> SourceSpec:
    return choose_source(
        CameraSettings(source=source, path=path, width=640, height=360, fps=25, rotation=180, stall_timeout=7)
    )


@pytest.fixture
def no_webcam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "capture_devices", list)


@pytest.fixture
def webcam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "capture_devices", lambda: [Device("/dev/video2", "C920", "uvcvideo")])


@pytest.fixture
def no_camera() -> str:
    """The reason, which is another one where picamera2 is installed."""
    try:
        inventory.pi_cameras()
    except SourceUnavailable as error:
        return str(error)
    pytest.skip("a Pi camera answers here, so nothing else is chosen")


@pytest.mark.usefixtures("webcam")
def test_the_pi_camera_first() -> None:
    """When a camera answers, it is taken."""
    with installed(Plan()):
        assert chosen("auto") == SourceSpec("picamera2", "", FORMAT, 7, "libcamera finds a camera")


@pytest.mark.usefixtures("webcam")
def test_then_a_webcam() -> None:
    """When libcamera has no camera, a webcam is taken, and the reason is kept."""
    with installed(Plan(cameras=[])):
        spec = chosen("auto")
    assert (spec.kind, spec.path, spec.why) == ("v4l2", "", "a webcam was found at /dev/video2 (C920)")
    assert len(spec.refused) == 1
    assert spec.refused[0].startswith("picamera2: no camera found; check both ends of the ribbon cable")


@pytest.mark.usefixtures("no_webcam")
def test_then_none(no_camera: str) -> None:
    """Without any camera the picture is made up, and it is told what every better source lacks."""
    spec = chosen("auto")
    assert spec.kind == "synthetic"
    assert spec.refused == (
        f"picamera2: {no_camera}",
        "v4l2: no /dev/video* capture device that can be opened (is a webcam plugged in?)",
    )


def test_the_path_decides() -> None:
    """A path that is a device, or a film, says what the source is."""
    for path, kind, why in (
        ("/dev/video7", "v4l2", "camera.path is the device /dev/video7"),
        (BUNNY, "file", "camera.path is the film bunny.mp4"),
    ):
        spec = chosen("auto", path)
        assert (spec.kind, spec.path, spec.why) == (kind, path, why)


@pytest.mark.parametrize("kind", ["picamera2", "v4l2", "synthetic"])
def test_as_the_settings_say(kind: Kind) -> None:
    """A kind that the settings name is taken, whatever is plugged in: it may be, later."""
    assert chosen(kind) == SourceSpec(kind, "", FORMAT, 7, f'the settings say source = "{kind}"')


@pytest.mark.parametrize("kind", ["auto", "file"])
def test_films_that_cannot_be(tmp_path: Path, kind: Literal["auto", "file"]) -> None:
    """A film that is missing, or is none, is an error of the settings, which names the setting and the file."""
    text = tmp_path / "film.txt"
    text.write_text("once upon a time")
    with pytest.raises(SettingError, match=r"^camera\.path: no such file: film\.mp4$"):
        chosen(kind, "film.mp4")
    with pytest.raises(SettingError, match=r"^camera\.path: film\.txt is not a video that can be read: "):
        chosen(kind, str(text))
    with pytest.raises(SettingError, match=r"^camera\.path: x+ cannot be read: File name too long$"):
        chosen(kind, "x" * 300)
    with pytest.raises(SettingError, match=r"^camera\.path: .* is not a file$"):
        chosen(kind, str(tmp_path))


def test_settings_that_cannot_be() -> None:
    """A film without a path, and a format that no source has, are errors of the settings."""
    with pytest.raises(SettingError, match=r'^camera\.path: source = "file" needs the path of a film, got nothing$'):
        chosen("file")
    for wrong in (CaptureFormat(63, 64, 30), CaptureFormat(64, 64, 30, 90)):  # type: ignore[arg-type]  # on purpose
        with pytest.raises(SettingError, match="even sides and rotation 0 or 180"):
            open_source(SourceSpec("synthetic", "", wrong), itertools.count())


@pytest.mark.parametrize("kind", ["synthetic", "file"])
def test_opened(tmp_path: Path, kind: Kind) -> None:
    """A source of each kind opens, says what it is, and gives frames of the size asked for."""
    film = write_film(tmp_path / "film.mkv", [bars(640, 360)] * 2)
    source = open_source(SourceSpec(kind, str(film), CaptureFormat(160, 120, 30, 180)), itertools.count(9))
    frame = source.read()
    source.close()
    assert (frame.seq, frame.width, frame.height) == (9, 160, 120)
    info = source.info()
    assert (info.kind, info.width, info.height, info.rotation) == (kind, 160, 120, 180)
    assert None not in (info.name, info.fps, info.colour, info.timestamp)
    assert str(tmp_path) not in str(info)


def test_a_film_gone_later_is_waited_for() -> None:
    """Once the service runs, a film that is missing is a source that is away, not an error of the settings."""
    with pytest.raises(SourceUnavailable, match=r"^no such file: film\.mp4$"):
        open_source(SourceSpec("file", "/nowhere/film.mp4", CaptureFormat(64, 64, 30)), itertools.count())
