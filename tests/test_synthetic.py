"""The synthetic picture: known colours, a moving scene, and a seq that a machine can read off it."""

import io
import itertools
import threading
from binascii import crc_hqx
from typing import Literal

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from pi_stream.errors import SourceUnavailable, Unsupported
from pi_stream.media.colour import rgb_from_ycc
from pi_stream.media.frame import Frame
from pi_stream.sources.frame_timer import FrameTimer
from pi_stream.sources.spec import CaptureFormat
from pi_stream.sources.synthetic.pattern import read_seq
from pi_stream.sources.synthetic.scene import BARS, BARS_BOTTOM, Scene
from pi_stream.sources.synthetic.source import SyntheticSource

SIZES = [(1280, 720), (640, 480), (160, 120), (1366, 768), (176, 1200), (1920, 1080)]


class Hand:
    """Time that moves only when somebody waits, or when the test says so (microseconds)."""

    def __init__(self) -> None:
        self.time = 1_000_000
        self.pace = FrameTimer(now=lambda: self.time, wait=self.wait)

    def wait(self, seconds: float) -> bool:
        self.time += round(seconds * 1e6)
        return False


def synthetic(hand: Hand, fps: float = 30, seq: int = 0, rotation: Literal[0, 180] = 0) -> SyntheticSource:
    return SyntheticSource(CaptureFormat(320, 240, fps, rotation), itertools.count(seq), pace=hand.pace)


def half_size_jpeg(frame: Frame, *, first: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The luma that a careless viewer sees: JPEG at quality 30 and half size, either first."""
    size = (frame.width // 2, frame.height // 2)
    if first == "jpeg":
        jpeg = simplejpeg.encode_jpeg_yuv_planes(frame.y, frame.u, frame.v, quality=30)
        picture = Image.open(io.BytesIO(jpeg)).convert("L").resize(size, Image.Resampling.BILINEAR)
    else:
        memory = io.BytesIO()
        Image.fromarray(frame.y).resize(size, Image.Resampling.NEAREST).save(memory, "jpeg", quality=30)
        picture = Image.open(memory)
    return np.asarray(picture)


@pytest.mark.parametrize("first", ["jpeg", "half size"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_seq_survives(width: int, height: int, first: str) -> None:
    """The seq is read back after JPEG at quality 30 and half size, at every size of picture, whatever the seq."""
    scene = Scene(width, height)
    bits = [1 << bit for bit in range(32)]
    some = np.random.default_rng(width).integers(0, 2**32, 20).tolist()
    for i, seq in enumerate([0, 0xFFFFFFFF, 0x55555555, *bits[:: 1 if width < 700 else 8], *some]):
        frame = scene.draw(seq, 0, "12:34:56.789", i / 7)
        assert read_seq(frame.y) == seq
        assert read_seq(half_size_jpeg(frame, first=first)) == seq


def test_damage_is_noticed() -> None:
    """A pattern with any one cell turned over, or covered, or not there, is no seq rather than a wrong one."""
    luma = Scene(640, 360).draw(123456789, 0, "00:00:00.000", 0).y
    for row in range(2):
        for column in range(24):
            damaged = luma.copy()
            top, left = round((21 + row) / 24 * 360), round((2 + column) / 28 * 640)
            cell = damaged[top : top + 15, left : left + 23]
            cell[:] = 255 - cell
            assert read_seq(damaged) is None
    for level in (0, 127, 128, 255):
        assert read_seq(np.full((360, 640), level, np.uint8)) is None
    covered = luma.copy()
    covered[310:, 200:400] = 20
    assert read_seq(covered) is None


def test_checksum_is_the_documented_one() -> None:
    """The checksum is CRC-16/CCITT-FALSE, by its published check value: readers in other languages depend on it."""
    assert crc_hqx(b"123456789", 0xFFFF) == 0x29B1


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_bars_are_known(width: int, height: int) -> None:
    """The bars have the colours that they are named for, within 1; black is 0 and white is 255."""
    frame = Scene(width, height).draw(1, 0, "12:34:56.789", 0.3)
    for i, (name, rgb) in enumerate(BARS.items()):
        row, column = round(BARS_BOTTOM / 2 * height), round((i + 0.5) / len(BARS) * width)
        ycc = np.array([frame.y[row, column], frame.u[row // 2, column // 2], frame.v[row // 2, column // 2]])
        assert np.abs(rgb_from_ycc(ycc).astype(int) - rgb).max() <= 1, name
    assert frame.y[2, 2] == 255
    assert frame.y[2, width - 3] == 0


def test_only_what_moves_is_drawn() -> None:
    """From frame to frame the ball, the clock and the pattern change, and nothing else does."""
    scene = Scene(640, 360)
    before, after = scene.draw(1, 0, "12:34:56.789", 0), scene.draw(2, 0, "12:34:56.823", 0.5)
    rows = np.flatnonzero((before.y != after.y).any(axis=1)) / 360
    assert rows.size
    assert rows.min() > BARS_BOTTOM
    word = (rows > 0.28) & (rows < 0.37)
    assert not word.any()
    assert (before.u != after.u).any()


def test_the_clock_can_be_told_apart() -> None:
    """Every time of day looks different, and takes no room from the rest of the picture."""
    scene = Scene(320, 240)
    digits = [scene.draw(1, 0, f"{d}{d}:{d}{d}:{d}{d}.{d}{d}{d}", 0).data for d in range(10)]
    assert len({data.tobytes() for data in digits}) == 10


def test_frames_own_their_memory() -> None:
    """Drawing on one frame leaves the next as it should be."""
    scene = Scene(160, 120)
    first = scene.draw(1, 0, "12:34:56.789", 0)
    expected = first.data.copy()
    first.data[:] = 7
    assert np.array_equal(scene.draw(1, 0, "12:34:56.789", 0).data, expected)


def test_pace_is_absolute() -> None:
    """Frames are due at origin + n / fps to the microsecond, however many there were, and the seq goes on."""
    hand = Hand()
    source = synthetic(hand, fps=30, seq=0xFFFFFFF0)
    frames = [source.read() for _ in range(91)]
    assert [frame.captured - 1_000_000 for frame in frames] == [n * 1_000_000 // 30 for n in range(91)]
    assert [frame.seq for frame in frames] == [(0xFFFFFFF0 + n) % 2**32 for n in range(91)]
    assert read_seq(frames[90].y) == 0x4A
    assert hand.time == frames[90].captured


def test_late_frames_are_left_out() -> None:
    """After a pause there is no burst: the frames that are past are not made, and the others are due as ever."""
    hand = Hand()
    source = synthetic(hand, fps=10)
    source.read()
    hand.time += 1_050_000
    assert [source.read().captured - 1_000_000 for _ in range(3)] == [1_000_000, 1_100_000, 1_200_000]


def test_skipped_frames_take_their_time_and_numbers() -> None:
    """Who reads again reads what would have come then."""
    hand = Hand()
    source = synthetic(hand)
    start = source.read().captured
    skipped = [source.skip() for _ in range(3)]
    assert skipped == [start + number * 1_000_000 // 30 for number in (1, 2, 3)]
    assert hand.time == skipped[-1]
    seen = source.read()
    assert (seen.seq, seen.captured) == (4, start + 4 * 1_000_000 // 30)
    assert read_seq(seen.y) == 4


def test_upside_down() -> None:
    """Turned by 180 degrees, the picture is the same one read backwards."""
    upright, turned = (synthetic(Hand(), rotation=rotation).read() for rotation in (0, 180))
    bars = slice(0, 50)
    assert np.array_equal(turned.y[::-1, ::-1][bars], upright.y[bars])
    assert read_seq(np.ascontiguousarray(turned.y[::-1, ::-1])) == 0


def test_interrupted_while_waiting() -> None:
    """A read that waits for a frame far away ends as soon as it is told to, and so does every later one."""
    source = SyntheticSource(CaptureFormat(160, 120, 0.01), itertools.count())
    source.read()
    told: list[str] = []

    def read() -> None:
        with pytest.raises(SourceUnavailable) as caught:
            source.read()
        told.append(str(caught.value))

    thread = threading.Thread(target=read)
    thread.start()
    source.interrupt()
    thread.join(10)
    assert told == ["the source is being closed"]
    with pytest.raises(SourceUnavailable):
        source.read()
    source.close()


def test_no_controls() -> None:
    """A made-up picture refuses camera controls by name."""
    with pytest.raises(Unsupported, match="Brightness"):
        synthetic(Hand()).set_controls({"Brightness": 0.5})
