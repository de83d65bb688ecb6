"""Which source is taken, and why not a better one."""

import itertools
from pathlib import Path

import pytest

from pi_stream.errors import SettingError, SourceUnavailable
from pi_stream.sources import Choice, choice, open_source, resolve
from pi_stream.sources.webcam.devices import Device
from tests.films import bars, write_film
from tests.stand_in_picamera2 import Plan, installed

BUNNY = str(Path(__file__).parent / "media" / "bunny.mp4")


@pytest.fixture
def no_webcam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "capture_devices", list)


@pytest.fixture
def webcam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "capture_devices", lambda: [Device("/dev/video2", "C920", "uvcvideo")])


@pytest.fixture
def no_camera() -> str:
    """The reason, which is another one where picamera2 is installed."""
    reason = choice._no_pi_camera()
    if reason is None:
        pytest.skip("a Pi camera answers here, so nothing else is chosen")
    return reason


@pytest.mark.usefixtures("webcam")
def test_the_pi_camera_first() -> None:
    """When a camera answers, it is taken."""
    with installed(Plan()):
        assert resolve("auto") == Choice("picamera2", "", "libcamera finds a camera")


@pytest.mark.usefixtures("webcam")
def test_then_a_webcam() -> None:
    """When libcamera has no camera, a webcam is taken, and the reason is kept."""
    with installed(Plan(cameras=[])):
        choice = resolve("auto")
    assert (choice.kind, choice.path, choice.why) == ("v4l2", "", "a webcam was found at /dev/video2 (C920)")
    assert len(choice.refused) == 1
    assert choice.refused[0].startswith("picamera2: no camera found; check both ends of the ribbon cable")


@pytest.mark.usefixtures("no_webcam")
def test_then_none(no_camera: str) -> None:
    """Without any camera the picture is made up, and it is told what every better source lacks."""
    choice = resolve("auto")
    assert choice.kind == "synthetic"
    assert choice.refused == (
        f"picamera2: {no_camera}",
        "v4l2: no /dev/video* capture device that can be opened (is a webcam plugged in?)",
    )


def test_the_path_decides() -> None:
    """A path that is a device, or a film, says what the source is."""
    assert resolve("auto", "/dev/video7") == Choice("v4l2", "/dev/video7", "camera.path is the device /dev/video7")
    assert resolve("auto", BUNNY) == Choice("file", BUNNY, "camera.path is the film bunny.mp4")


@pytest.mark.parametrize("kind", ["picamera2", "v4l2", "synthetic"])
def test_as_the_settings_say(kind: str) -> None:
    """A kind that the settings name is taken, whatever is plugged in: it may be, later."""
    assert resolve(kind) == Choice(kind, "", f'the settings say source = "{kind}"')  # type: ignore[arg-type]  # a Kind


@pytest.mark.parametrize("kind", ["auto", "file"])
def test_films_that_cannot_be(tmp_path: Path, kind: str) -> None:
    """A film that is missing, or is none, is an error of the settings, which names the setting and the file."""
    text = tmp_path / "film.txt"
    text.write_text("once upon a time")
    with pytest.raises(SettingError, match=r"^camera\.path: no such file: film\.mp4$"):
        resolve(kind, "film.mp4")
    with pytest.raises(SettingError, match=r"^camera\.path: film\.txt is not a video that can be read: "):
        resolve(kind, str(text))
    with pytest.raises(SettingError, match=r"^camera\.path: x+ cannot be read: File name too long$"):
        resolve(kind, "x" * 300)
    with pytest.raises(SettingError, match=r"^camera\.path: .* is not a file$"):
        resolve(kind, str(tmp_path))


def test_settings_that_cannot_be() -> None:
    """A film without a path, and a kind that there is not, are errors of the settings."""
    with pytest.raises(SettingError, match=r'^camera\.path: source = "file" needs the path of a film, got nothing$'):
        resolve("file")
    with pytest.raises(SettingError, match=r'^camera\.source: expected one of "auto", .*, got "radio"$'):
        resolve("radio")
    for wrong in ({"width": 63}, {"rotation": 90}):
        with pytest.raises(SettingError, match="even sides and rotation 0 or 180"):
            open_source("synthetic", **{"width": 64, "height": 64, "fps": 30, "seq": itertools.count()} | wrong)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(SettingError, match='no source of kind "auto"'):
        open_source("auto", width=64, height=64, fps=30, seq=itertools.count())


@pytest.mark.parametrize("kind", ["synthetic", "file"])
def test_opened(tmp_path: Path, kind: str) -> None:
    """A source of each kind opens, says what it is, and gives frames of the size asked for."""
    film = write_film(tmp_path / "film.mkv", [bars(640, 360)] * 2)
    source = open_source(kind, path=str(film), width=160, height=120, fps=30, rotation=180, seq=itertools.count(9))
    frame = source.read()
    source.close()
    assert (frame.seq, frame.width, frame.height) == (9, 160, 120)
    assert source.kind == kind == source.describe()["kind"]
    assert str(tmp_path) not in str(source.describe())


def test_a_film_gone_later_is_waited_for() -> None:
    """Once the service runs, a film that is missing is a source that is away, not an error of the settings."""
    with pytest.raises(SourceUnavailable, match=r"^no such file: film\.mp4$"):
        open_source("file", path="/nowhere/film.mp4", width=64, height=64, fps=30, seq=itertools.count())
