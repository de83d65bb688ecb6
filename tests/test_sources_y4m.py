"""A y4m of the service's own size and colours is played bit for bit."""

import itertools
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pi_stream.errors import SourceUnavailable
from pi_stream.sources.films.film import Picture
from pi_stream.sources.films.source import FileSource
from pi_stream.sources.films.y4m import y4m_laps
from pi_stream.sources.spec import CaptureFormat

WIDTH, HEIGHT, FPS = 64, 36, 200
SIZE = WIDTH * HEIGHT * 3 // 2
FULL = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FPS}:1 Ip A1:1 C420jpeg XCOLORRANGE=FULL\n".encode()


def pictures(count: int) -> list[NDArray[np.uint8]]:
    """Noise, which nothing but a copy reproduces."""
    return list(np.random.default_rng(2).integers(0, 256, (count, SIZE), np.uint8))


def write(path: Path, planes: list[NDArray[np.uint8]], head: bytes = FULL, mark: bytes = b"FRAME\n") -> Path:
    """A y4m."""
    path.write_bytes(head + b"".join(mark + each.tobytes() for each in planes))
    return path


def played(path: Path, count: int) -> list[NDArray[np.uint8]]:
    """The first frames of a source."""
    source = FileSource(str(path), CaptureFormat(WIDTH, HEIGHT, 240), itertools.count())
    try:
        assert source.info().colour == "BT.601 full range"
        return [source.read().data for _ in range(count)]
    finally:
        source.close()


def read(picture: Picture) -> NDArray[np.uint8]:
    """Its planes."""
    assert callable(picture.frame)
    return picture.frame()


def among(frame: NDArray[np.uint8], planes: list[NDArray[np.uint8]]) -> int | None:
    """Which of the pictures it is."""
    return next((i for i, each in enumerate(planes) if np.array_equal(each, frame)), None)


@pytest.mark.parametrize("mark", [b"FRAME\n", b"FRAME Ip\n"])
def test_every_byte_comes_back_lap_after_lap(tmp_path: Path, mark: bytes) -> None:
    """Whatever stands in the line before a picture; each frame is memory of its own, since captions are drawn on it."""
    planes = pictures(3)
    frames = played(write(tmp_path / "film.y4m", planes, mark=mark), 7)
    assert None not in [among(frame, planes) for frame in frames]
    frames[0].fill(0)
    assert None not in [among(frame, planes) for frame in frames[1:]]


def test_the_times_go_on_from_lap_to_lap(tmp_path: Path) -> None:
    """By the film's own rate."""
    laps = y4m_laps(str(write(tmp_path / "film.y4m", pictures(2))), SIZE, FPS)
    assert [picture.time for picture in itertools.islice(laps, 5)] == [i / FPS for i in range(5)]


def test_half_a_picture_at_the_end_is_left_out(tmp_path: Path) -> None:
    """As one that is still being written has it."""
    planes = pictures(3)
    path = write(tmp_path / "film.y4m", planes)
    os.truncate(path, path.stat().st_size - 100)
    laps = y4m_laps(str(path), SIZE, FPS)
    assert [among(read(picture), planes) for picture in itertools.islice(laps, 4)] == [0, 1, 0, 1]


@pytest.mark.parametrize("content", [b"", b"something else\n", FULL], ids=["empty", "something else", "no picture"])
def test_what_has_become_of_it_is_said(tmp_path: Path, content: bytes) -> None:
    """A film that was whole when it was opened may be none at the next lap."""
    path = write(tmp_path / "film.y4m", pictures(1))
    laps = y4m_laps(str(path), SIZE, FPS)
    next(laps)
    path.write_bytes(content)
    with pytest.raises(SourceUnavailable, match=r"film\.y4m"):
        list(itertools.islice(laps, 3))


def test_a_film_that_is_taken_away_is_unavailable(tmp_path: Path) -> None:
    """With the reason that the system gives."""
    path = write(tmp_path / "film.y4m", pictures(1))
    laps = y4m_laps(str(path), SIZE, FPS)
    next(laps)
    path.unlink()
    with pytest.raises(SourceUnavailable, match="No such file"):
        next(laps)


def test_another_film_in_its_place_is_told_at_the_end_of_a_lap(tmp_path: Path) -> None:
    """It may be of any size and kind: the source has to be opened anew."""
    path = write(tmp_path / "film.y4m", pictures(2))
    laps = y4m_laps(str(path), SIZE, FPS)
    next(laps)
    write(tmp_path / "other", pictures(1)).replace(path)
    next(laps)
    with pytest.raises(SourceUnavailable, match=r"film\.y4m was replaced by another file"):
        next(laps)


def test_what_becomes_shorter_before_its_picture_is_read_is_unavailable(tmp_path: Path) -> None:
    """Half of a picture is none."""
    path = write(tmp_path / "film.y4m", pictures(1))
    laps = y4m_laps(str(path), SIZE, FPS)
    picture = next(laps)
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(SourceUnavailable, match=r"film\.y4m became shorter while it was read"):
        read(picture)


def test_other_colours_are_still_converted(tmp_path: Path) -> None:
    """Limited range becomes full: black and white are 0 and 255."""
    black, white = (np.full(SIZE, 128, np.uint8) for _ in range(2))
    black[: WIDTH * HEIGHT], white[: WIDTH * HEIGHT] = 16, 235
    head = FULL.replace(b"FULL", b"LIMITED")
    source = FileSource(
        str(write(tmp_path / "film.y4m", [black, white], head)), CaptureFormat(WIDTH, HEIGHT, 240), itertools.count()
    )
    try:
        lumas = {int(source.read().y[10, 10]) for _ in range(6)}
    finally:
        source.close()
    assert lumas <= {0, 255}
