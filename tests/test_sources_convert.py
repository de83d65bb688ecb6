"""Colours: whatever a film's matrix, range and layout, the frames are BT.601 full range."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from pi_stream.errors import SourceUnavailable
from pi_stream.media.colour import rgb_from_ycc
from pi_stream.media.frame import Frame, Plane
from pi_stream.sources.convert import Converter
from tests.films import BARS, bars, write_film

Real = NDArray[np.floating[Any]]


def first(path: Path) -> av.VideoFrame:
    with av.open(path) as container:
        return next(container.decode(video=0))


def middles(frame: Frame) -> dict[str, tuple[int, ...]]:
    """R, G, B in the middle of each bar."""
    row = frame.height // 2
    columns = [round((i + 0.5) * frame.width / len(BARS)) for i in range(len(BARS))]
    ycc = np.array([[frame.y[row, x], frame.u[row // 2, x // 2], frame.v[row // 2, x // 2]] for x in columns])
    return {name: tuple(int(part) for part in rgb) for name, rgb in zip(BARS, rgb_from_ycc(ycc), strict=True)}


def near(got: dict[str, tuple[int, ...]], most: int = 2) -> bool:
    return all(abs(a - b) <= most for name in BARS for a, b in zip(got[name], BARS[name], strict=True))


def framed(data: Plane, width: int, height: int) -> Frame:
    return Frame(data, width, height, 0, 0)


def converted(picture: av.VideoFrame, width: int, height: int, rotation: int = 0) -> Frame:
    return framed(Converter(width, height, rotation).convert(picture), width, height)


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
@pytest.mark.parametrize("layout", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le"])
def test_bars_come_back(tmp_path: Path, layout: str, matrix: str, full: bool) -> None:
    """Bars of known colours come back within 2, black as 0 and white as 255, whatever the film's colours and layout."""
    film = write_film(tmp_path / "bars.mkv", [bars(640, 360)], matrix=matrix, full=full, layout=layout)
    frame = converted(first(film), 640, 360)
    assert near(middles(frame)), middles(frame)
    assert frame.y.min() == 0
    assert frame.y.max() == 255


@pytest.mark.parametrize(("width", "height", "matrix"), [(1280, 720, "bt709"), (640, 360, "bt601")])
def test_untagged_is_by_height(tmp_path: Path, width: int, height: int, matrix: str) -> None:
    """A film that does not say is BT.709 from 720 lines up and BT.601 below, limited range."""
    film = write_film(tmp_path / "bars.mkv", [bars(width, height)], matrix=matrix, tagged=False)
    assert near(middles(converted(first(film), width, height)))


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (640, 360)])
def test_full_range_without_a_matrix_is_what_jpeg_means(width: int, height: int) -> None:
    """A picture that is known to be full range, and no more, is BT.601 at every size: it passes as it is."""
    planes = np.random.default_rng(1).integers(0, 256, (height * 3 // 2, width), np.uint8)
    picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    picture.color_range = 2
    assert np.array_equal(converted(picture, width, height).data, planes.reshape(-1))


@pytest.mark.parametrize("layout", ["rgb24", "bgr24", "rgba", "gbrp", "rgb48le"])
def test_rgb_comes_back(layout: str) -> None:
    """R, G and B come back, however they lie in memory."""
    wide = av.VideoFrame.from_ndarray(bars(640, 360), format="rgb24")
    frame = converted(wide.reformat(format=layout), 640, 360)
    assert near(middles(frame)), middles(frame)


def test_gray_has_no_colour() -> None:
    """A picture of luma alone is taken as full range, and has no colour."""
    ramp = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
    frame = converted(av.VideoFrame.from_ndarray(ramp, format="gray"), 256, 64)
    assert np.array_equal(frame.y, ramp)
    assert set(np.unique(frame.data[256 * 64 :])) == {128}


def test_jpeg_is_already_ours() -> None:
    """A full range BT.601 picture of the right size is copied, bit by bit, into memory of its own."""
    data = np.random.default_rng(1).integers(0, 256, (96, 64), np.uint8)
    picture = av.VideoFrame.from_ndarray(data, format="yuvj420p")
    picture.colorspace, picture.color_range = 6, 2
    converter = Converter(64, 64)
    one, other = converter.convert(picture), converter.convert(picture)
    assert np.array_equal(one, data.ravel())
    assert converter.colour == "BT.601 full range"
    one[:] = 0
    assert np.array_equal(other, data.ravel())


def test_matrix_alone_is_exact() -> None:
    """Going from BT.709 limited to BT.601 full range is exact to rounding, for all that can be seen."""
    random = np.random.default_rng(2)
    cells = [np.kron(random.integers(low, high, (20, 20)), np.ones((8, 8))) for low, high in [(60, 180), (98, 158)]]
    luma = np.kron(random.integers(60, 180, (20, 20)), np.ones((16, 16)))
    planes = [luma, cells[1], cells[1][::-1]]
    packed = np.concatenate([plane.ravel() for plane in planes]).astype(np.uint8).reshape(480, 320)
    picture = av.VideoFrame.from_ndarray(packed, format="yuv420p")
    picture.colorspace, picture.color_range = 1, 1
    frame = converted(picture, 320, 320)
    expected = reference(planes[0][::2, ::2], planes[1], planes[2])
    for plane, value in zip((frame.y[::2, ::2], frame.u, frame.v), expected, strict=True):
        assert np.abs(plane - value).max() < 0.51


def reference(y: Real, u: Real, v: Real) -> list[Real]:
    """BT.709 limited to BT.601 full range, by way of R, G and B as ITU-R defines them, unrounded."""
    y, u, v = (y - 16) / 219, (u - 128) / 224, (v - 128) / 224
    r, b = y + 1.5748 * v, y + 1.8556 * u
    g = (y - 0.2126 * r - 0.0722 * b) / 0.7152
    luma = 0.299 * r + 0.587 * g + 0.114 * b
    return [255 * luma, 128 + 255 * (b - luma) / 1.772, 128 + 255 * (r - luma) / 1.402]


def test_changes_midway(tmp_path: Path) -> None:
    """Size, layout and tags may change from one picture to the next."""
    converter = Converter(640, 360)
    for matrix, full in (("bt709", False), ("bt601", True), ("bt601", False), ("bt709", True)):
        film = write_film(tmp_path / "bars.mkv", [bars(640, 360)], matrix=matrix, full=full)
        assert near(middles(framed(converter.convert(first(film)), 640, 360)))
    rgb = av.VideoFrame.from_ndarray(bars(640, 360), format="rgb24")
    wide = rgb.reformat(width=1280, height=720, format="rgb24")
    for picture in (rgb, wide, rgb.reformat(format="gbrp"), rgb):
        assert near(middles(framed(converter.convert(picture), 640, 360)))


@pytest.mark.parametrize(
    ("film", "shape", "ours", "place"),
    [
        ((640, 360), None, (320, 180), (0, 0, 320, 180)),
        ((640, 360), None, (320, 240), (0, 30, 320, 180)),
        ((640, 360), None, (640, 200), (142, 0, 356, 200)),
        ((360, 640), None, (320, 240), (92, 0, 136, 240)),
        ((360, 288), Fraction(64, 45), (320, 240), (0, 30, 320, 180)),
        ((320, 240), Fraction(1, 2), (320, 240), (80, 0, 160, 240)),
    ],
)
@pytest.mark.parametrize("layout", ["yuv420p", "rgb24"])
def test_aspect_is_kept(
    layout: str,
    film: tuple[int, int],
    shape: Fraction | None,
    ours: tuple[int, int],
    place: tuple[int, int, int, int],
) -> None:
    """A picture of another aspect, or of pixels that are not square, gets black bars and is not squashed."""
    white = av.VideoFrame.from_ndarray(np.full((film[1], film[0], 3), 255, np.uint8), format="rgb24")
    frame = framed(Converter(*ours).convert(white.reformat(format=layout), shape), *ours)
    left, top, width, height = place
    expected = np.zeros((ours[1], ours[0]), np.uint8)
    expected[top : top + height, left : left + width] = 255
    assert np.array_equal(frame.y, expected)
    assert set(np.unique(frame.data[expected.size :])) == {128}


@pytest.mark.parametrize("tags", [(1, 1), (6, 2)], ids=["converted", "copied"])
def test_upside_down(tags: tuple[int, int]) -> None:
    """Turned by 180 degrees, a picture is the same one read backwards, in every plane."""
    data = np.random.default_rng(3).integers(60, 180, (96, 64), np.uint8)
    picture = av.VideoFrame.from_ndarray(data, format="yuv420p")
    picture.colorspace, picture.color_range = tags
    upright, turned = converted(picture, 64, 64), converted(picture, 64, 64, rotation=180)
    for a, b in ((upright.y, turned.y), (upright.u, turned.u), (upright.v, turned.v)):
        assert np.array_equal(a[::-1, ::-1], b)


def test_unknown_matrix_is_told() -> None:
    """Colours that cannot be converted are refused in words."""
    picture = av.VideoFrame(64, 64, "yuv420p")
    picture.colorspace = 14
    with pytest.raises(SourceUnavailable, match=r"matrix 14 of H\.273"):
        Converter(64, 64).convert(picture)
