"""The same pictures for everybody: the tests' film, without compression, as pi-stream and as uStreamer read them."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from pi_stream.media.frame import Frame
from pi_stream.sources.convert import Converter
from pi_stream.sources.films.film import laps

FILM = Path(__file__).parents[1] / "media" / "bunny.mp4"
WIDTH, HEIGHT, FPS = 1280, 720, 30
PICTURES = 32  # the most buffers that uStreamer asks a driver for: a picture each, so that none has to be copied


class Films(NamedTuple):
    """Where they are: `y4m` is I420, BT.601 full range; `yuyv` bare YUYV 4:2:2, one picture after the other."""

    y4m: Path
    yuyv: Path


def write_films(folder: Path) -> Films:
    """Write both to `folder`: 0.1 GB, at FPS pictures a second whatever the film's own speed is."""
    films = Films(folder / "film.y4m", folder / "film.yuyv")
    with av.open(str(FILM)) as container:
        pictures = [
            frame.reformat(format="yuvj420p", dst_colorspace="ITU601", dst_color_range="JPEG")
            for frame in islice(container.decode(video=0), PICTURES)
        ]
    # Written by hand, since libav names the range in a y4m only in some of its versions. The format is that of
    # mjpegtools' yuv4mpeg(5): a line for the film, then for each picture the line FRAME and its planes.
    with films.y4m.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FPS}:1 Ip A1:1 C420jpeg XCOLORRANGE=FULL\n".encode())
        for picture in pictures:
            file.write(b"FRAME\n" + picture.to_ndarray().tobytes())
    with films.yuyv.open("wb") as file:
        for picture in pictures:
            file.write(_rows(picture.reformat(format="yuyv422")))
    return films


def frames(y4m: Path) -> Iterator[Frame]:
    """The film's pictures as the service has them, over and over."""
    convert = Converter(WIDTH, HEIGHT)
    for seq, picture in enumerate(laps(str(y4m), FPS)):
        assert isinstance(picture.frame, av.VideoFrame)  # laps gives no other
        yield Frame(convert.convert(picture.frame), WIDTH, HEIGHT, seq, 0)


def _rows(picture: av.VideoFrame) -> bytes:
    """The bytes of a picture with one plane, without what pads its rows."""
    plane = picture.planes[0]
    rows = np.frombuffer(bytes(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[:, : WIDTH * 2].tobytes()
