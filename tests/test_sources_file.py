"""Films: the right pictures, at the right times, for ever."""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pi_stream.errors import SourceUnavailable, Unsupported
from pi_stream.lib import clock
from pi_stream.media.frame import Frame
from pi_stream.sources.films.film import laps, probe
from pi_stream.sources.films.prefetch import Prefetch
from pi_stream.sources.films.source import FileSource
from pi_stream.sources.frame_timer import FrameTimer
from pi_stream.sources.spec import CaptureFormat
from tests.films import bars, write_film

BUNNY = Path(__file__).parent / "media" / "bunny.mp4"
START = 5_000_000


class Hand:
    """Time that moves only when somebody waits, or when the test says so (microseconds)."""

    def __init__(self) -> None:
        self.time = START
        self.pace = FrameTimer(now=lambda: self.time, wait=self.wait)

    def wait(self, seconds: float) -> bool:
        self.time += round(seconds * 1e6)
        return False


def film(path: Path, hand: Hand, width: int = 64, height: int = 48, fps: float = 100) -> FileSource:
    return FileSource(str(path), CaptureFormat(width, height, fps), itertools.count(), pace=hand.pace)


def numbered(number: int) -> NDArray[np.uint8]:
    """A grey picture whose level is the number."""
    return np.full((48, 64, 3), number, np.uint8)


def read(source: FileSource, count: int) -> list[Frame]:
    with closing(source):
        return [source.read() for _ in range(count)]


def steps(frames: list[Frame]) -> list[int]:
    """Milliseconds from each frame to the next."""
    return [round((b.captured - a.captured) / 1000) for a, b in itertools.pairwise(frames)]


def decoded() -> Iterator[list[NDArray[np.float64]]]:
    """Y, U and V of the clip as the codec gives them."""
    with av.open(str(BUNNY)) as container:
        for frame in container.decode(video=0):
            packed = frame.to_ndarray().astype(float)
            chroma = packed[720:].reshape(2, 360, 640)
            yield [packed[:720], chroma[0], chroma[1]]


def reference(y: NDArray[np.float64], u: NDArray[np.float64], v: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """BT.709 limited range to BT.601 full range. Formulas: ITU-T H.273, clause 8.3, both ways."""

    def luma(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
        """What chroma adds to luma, when a colour goes from the one matrix to the other."""
        r, b = 1.5748 * v, 1.8556 * u
        g = -(0.2126 * r + 0.0722 * b) / 0.7152
        return 0.299 * r + 0.587 * g + 0.114 * b

    u, v = (u - 128) / 224, (v - 128) / 224
    added = luma(u, v)
    bright = (y - 16) / 219 + added.repeat(2, axis=0).repeat(2, axis=1)
    return [255 * bright, 128 + 255 * (1.8556 * u - added) / 1.772, 128 + 255 * (1.5748 * v - added) / 1.402]


def test_frames_are_the_films_own() -> None:
    """Every plane of every frame is what an independent conversion makes of the decoded picture, within 1."""
    frames = read(film(BUNNY, Hand(), 1280, 720), 12)
    for frame, planes in zip(frames, decoded(), strict=False):
        for plane, expected in zip((frame.y, frame.u, frame.v), reference(*planes), strict=True):
            assert np.abs(plane - np.clip(expected, 0, 255)).max() <= 1


def test_loops_without_a_hitch() -> None:
    """Over two and a half laps the seq goes on, the times go on in even steps, and the pictures come again."""
    frames = read(film(BUNNY, Hand(), 160, 90), 125)
    assert [frame.seq for frame in frames] == list(range(125))
    assert [frame.captured for frame in frames] == [START + n * 40_000 for n in range(125)]
    assert all(np.array_equal(frames[n].data, frames[n + 50].data) for n in range(75))
    assert not np.array_equal(frames[0].data, frames[49].data)


def test_varying_rate(tmp_path: Path) -> None:
    """A film whose rate varies keeps its times."""
    path = write_film(tmp_path / "film.mkv", map(numbered, range(5)), times=[0, 100, 150, 400, 440])
    assert steps(read(film(path, Hand()), 5)) == [100, 50, 250, 40]


def test_fps_is_an_upper_bound(tmp_path: Path) -> None:
    """At a lower rate than the film's, frames are left out evenly; at a higher one, the film plays at its own speed."""
    path = write_film(tmp_path / "film.mkv", map(numbered, range(25)))
    assert steps(read(film(path, Hand(), fps=12.5), 20)) == [80] * 19
    assert steps(read(film(path, Hand(), fps=240), 20)) == [40] * 19
    ten = read(film(path, Hand(), fps=10), 31)
    assert (ten[-1].captured - ten[0].captured) / 1e6 == pytest.approx(3.0)


def test_rounded_times_lose_nothing(tmp_path: Path) -> None:
    """A film at just the rate asked for loses no frame for its times being rounded to milliseconds."""
    times = [round(n * 1000 / 30) for n in range(30)]
    path = write_film(tmp_path / "film.mkv", map(numbered, range(30)), times=times, fps=30)
    frames = read(film(path, Hand(), fps=30), 30)
    assert steps(frames) == [b - a for a, b in itertools.pairwise(times)]


def test_late_by_a_frame_is_skipped(tmp_path: Path) -> None:
    """When the next frame is due, too, the older one is left out, and the times stay on the film's own."""
    path = write_film(tmp_path / "film.mkv", map(numbered, range(25)))
    hand = Hand()
    source = film(path, hand)
    with closing(source):
        source.read()
        until(lambda: isinstance(source._pictures, Prefetch) and len(source._pictures._done) >= 3)
        hand.time = START + 100_000
        late = source.read()
    assert late.captured == START + 80_000
    assert late.seq == 1
    assert late.y[0, 0] == 2


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_long_pause_puts_the_film_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """After a pause longer than half a second the film goes on from where it was, and the log says so once."""
    path = write_film(tmp_path / "film.mkv", map(numbered, range(25)))
    hand = Hand()
    source = film(path, hand)
    with closing(source), caplog.at_level(logging.WARNING):
        source.read()
        for _ in range(2):
            hand.time += 3_600_000_000
            after = source.read()
            assert after.captured == hand.time
        assert source.read().captured == after.captured + 40_000
    assert after.y[0, 0] == 2
    assert caplog.text.count("late") == 1


def test_a_film_stands_still_while_frames_are_skipped(tmp_path: Path) -> None:
    """They take their time and their numbers, and the film goes on where it was, at its own speed."""
    write_film(tmp_path / "film.mkv", [numbered(20 * n) for n in range(8)], fps=25)
    hand = Hand()
    with closing(film(tmp_path / "film.mkv", hand)) as source:
        frames = [source.read(), source.read()]
        skipped = [source.skip() for _ in range(10)]
        frames += [source.read(), source.read()]
    assert skipped == [frames[1].captured + 40_000 * n for n in range(1, 11)]
    assert steps(frames) == [40, 440, 40]
    assert [frame.seq for frame in frames] == [0, 1, 12, 13]
    levels = [int(frame.y.mean()) for frame in frames]
    assert np.diff(levels).tolist() == pytest.approx([20, 20, 20], abs=2)


def test_a_film_that_was_kept_waiting_while_it_was_skipped_does_not_hurry(tmp_path: Path) -> None:
    """After a pause of the whole machine, skipping does not make up for it."""
    write_film(tmp_path / "film.mkv", [numbered(20 * n) for n in range(8)], fps=25)
    hand = Hand()
    with closing(film(tmp_path / "film.mkv", hand)) as source:
        first = source.read()
        hand.time += 3_000_000
        assert source.skip() == first.captured + 3_000_000
        assert source.read().captured == first.captured + 3_040_000


def test_a_still_repeats(tmp_path: Path) -> None:
    """A film of one picture, a PNG above all, gives it again at the rate asked for."""
    path = write_film(tmp_path / "still.mkv", [bars(64, 48)])
    picture = tmp_path / "still.png"
    with av.open(str(path)) as container:
        Image.fromarray(next(container.decode(video=0)).to_ndarray(format="rgb24")).save(picture)
    for still in (path, picture):
        frames = read(film(still, Hand(), fps=20), 5)
        assert steps(frames) == [50] * 4
        assert [frame.seq for frame in frames] == list(range(5))
        assert all(np.array_equal(frame.data, frames[0].data) for frame in frames)
        assert all(frame.data is not frames[0].data for frame in frames[1:])


def test_a_slide_show_is_no_stall(tmp_path: Path) -> None:
    """A picture that stays for long is given again every second, so that nobody takes it for a stall."""
    path = write_film(tmp_path / "slides.mkv", map(numbered, (10, 20)), times=[0, 4500])
    frames = read(film(path, Hand()), 5)
    assert [frame.y[0, 0] for frame in frames] == [10, 10, 10, 10, 20]
    assert steps(frames) == [1000, 1000, 1000, 1500]


def test_y4m(tmp_path: Path) -> None:
    """Uncompressed video plays, too."""
    path = write_film(tmp_path / "film.y4m", map(numbered, (16, 235)), matrix="bt601", codec="wrapped_avframe")
    assert [frame.y[0, 0] for frame in read(film(path, Hand()), 4)] == [16, 235, 16, 235]


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    """A film of wide pixels is shown as wide as it was meant."""
    path = write_film(
        tmp_path / "wide.mp4", [np.full((48, 64, 3), 255, np.uint8)] * 2, codec="libx264", pixel_shape=Fraction(2)
    )
    frame = read(film(path, Hand(), 128, 96), 1)[0]
    assert set(np.unique(frame.y[:24])) == {0}
    assert frame.y[25:71].min() > 250


def test_films_of_telephones(tmp_path: Path) -> None:
    """A film that says that it was filmed upright is shown upright."""
    path = tmp_path / "upright.mp4"
    # The matrix in the track's header, ISO/IEC 14496-12, 8.3.2: as it is, and turned clockwise by 90 degrees.
    one, none = b"\0\1\0\0", bytes(4)
    straight, turned = one + none * 3 + one, none + one + none + b"\xff\xff\0\0" + none
    header, rest = BUNNY.read_bytes().split(b"tkhd")
    path.write_bytes(header + b"tkhd" + rest.replace(straight, turned, 1))
    frame, flat = read(film(path, Hand(), 180, 320), 1)[0], read(film(BUNNY, Hand(), 320, 180), 1)[0]
    for plane, expected in ((frame.y, flat.y), (frame.u, flat.u), (frame.v, flat.v)):
        assert np.array_equal(plane, np.rot90(expected, -1))


def test_damage_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be decoded in the middle of a film is left out, and the rest plays on."""
    noise = np.random.default_rng(1).integers(0, 256, (20, 48, 64, 3), np.uint8)
    path = write_film(tmp_path / "film.mkv", noise, codec="mjpeg", layout="yuvj420p", matrix="bt601", full=True)
    data = bytearray(path.read_bytes())
    middle = data.index(b"\xff\xd8", len(data) // 2)
    data[middle : middle + 600] = bytes(600)
    path.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        frames = read(film(path, Hand()), 25)
    assert len(frames) == 25
    assert "film.mkv: 1 damaged pictures were skipped" in caplog.text


def test_a_film_that_vanishes(tmp_path: Path) -> None:
    """When the file goes away while it plays, the reason names it, and no path."""
    path = write_film(tmp_path / "film.mkv", map(numbered, range(10)))
    source = film(path, Hand())
    with closing(source):
        path.unlink()
        with pytest.raises(SourceUnavailable, match=r"^no such file: film\.mkv$"):
            [source.read() for _ in range(11)]


def test_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    """The system refuses to look for it: as with a folder that is closed, that is a reason and no traceback."""
    with pytest.raises(SourceUnavailable, match=r"^x+ is not a video that can be read: File name too long$"):
        film(tmp_path / ("x" * 300), Hand())


@pytest.mark.parametrize("make", ["text", "noise", "empty", "sound"])
def test_no_video_is_told(tmp_path: Path, make: str) -> None:
    """A file that holds no video is refused in a sentence that names it."""
    path = tmp_path / "film.txt"
    if make == "sound":
        path = tmp_path / "sound.wav"
        with av.open(str(path), "w") as container:
            sound = container.add_stream("pcm_s16le", rate=8000)
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
            silence.rate = 8000
            container.mux(sound.encode(silence))
    else:
        content = {"text": b"not a film\n" * 100, "noise": np.random.default_rng(1).bytes(5000), "empty": b""}
        path.write_bytes(content[make])
    with pytest.raises(SourceUnavailable, match=rf"^{path.name} is not a video that can be read: "):
        probe(str(path))
    with pytest.raises(SourceUnavailable, match="is not a file"):
        probe(str(tmp_path))


def test_a_picture_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    """Before it is decoded: a small file can hold one."""
    path = tmp_path / "huge.png"
    Image.new("1", (15_992, 8_000)).save(path)
    assert path.stat().st_size < 100_000
    with pytest.raises(SourceUnavailable, match=r"^huge\.png is not .*: 15992 x 8000 is too large$"):
        probe(str(path))


def test_a_title_that_is_no_utf_8_is_no_matter(tmp_path: Path) -> None:
    """The film is shown all the same."""
    path = tmp_path / "film.mkv"
    write_film(path, [bars(64, 36)])
    data = path.read_bytes()
    at = data.index(b"Lavf")  # what wrote it, which is a text in it
    path.write_bytes(data[:at] + b"\xff\xfe\xff\xfe" + data[at + 4 :])
    assert probe(str(path)).width > 0


def test_facts() -> None:
    """A film describes itself, with no path but its name."""
    with closing(film(BUNNY, Hand(), 640, 480, fps=30)) as source:
        facts = source.info()
    assert msgspec.to_builtins(facts) == {
        "kind": "file",
        "name": "bunny.mp4",
        "codec": "h264",
        "film": "1280x720",
        "width": 640,
        "height": 480,
        "fps": 25.0,
        "rotation": 0,
        "colour": "BT.709 limited range, converted",
        "timestamp": "read",
    }


@pytest.mark.parametrize("what", ["a long way through the film", "a still"])
def test_interrupted_while_waiting(tmp_path: Path, what: str) -> None:
    """A read that waits ends as soon as it is told to, and closing leaves no thread behind."""
    path = BUNNY if what != "a still" else write_film(tmp_path / "still.mkv", [bars(64, 48)])
    before = threading.active_count()
    asked = threading.Event()

    def now() -> int:
        asked.set()
        return clock.now()

    source = FileSource(str(path), CaptureFormat(64, 48, 0.0001), itertools.count(), pace=FrameTimer(now))
    source.read()
    asked.clear()
    told: list[str] = []

    def wait() -> None:
        with pytest.raises(SourceUnavailable) as caught:
            source.read()
        told.append(str(caught.value))

    thread = threading.Thread(target=wait)
    thread.start()
    if path != BUNNY:
        assert asked.wait(10)
    source.interrupt()
    thread.join(10)
    assert told == ["the source is being closed"]
    source.close()
    source.close()
    assert threading.active_count() == before


def test_times_go_on_for_ever(tmp_path: Path) -> None:
    """Thousands of laps later the times are still those of the film, not off by the sum of roundings."""
    path = write_film(tmp_path / "film.mkv", map(numbered, range(2)), fps=30, times=[0, 33])
    with closing(laps(str(path), 30)) as pictures:
        times = [picture.time for picture in itertools.islice(pictures, 400)]
    lap = times[2]
    assert times[::2] == pytest.approx([n * lap for n in range(200)], abs=1e-9)


def test_no_controls() -> None:
    """A film refuses camera controls by name."""
    with closing(film(BUNNY, Hand())) as source, pytest.raises(Unsupported, match="AeEnable"):
        source.set_controls({"AeEnable": True})
