"""From the frame's planes to another size, or to RGB, by libswscale."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from pi_stream.errors import EncodingFailed
from pi_stream.media.frame import Frame

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter

# libavutil's and libswscale's numbers for the matrix of BT.601 and the full range (SWS_CS_ITU601, AVCOL_RANGE_JPEG).
_BT601 = 5
_FULL = 2

# libswscale's flags (libswscale/swscale.h). Chroma is repeated, not interpolated: two readers of one picture then
# agree on where each colour is. Without "accurate" rounding it has a way to RGB on x86 that takes a seventh of the
# time, as exact for greys, and within 2 for all else. It takes up to 32 pixels at a time, and so may read a little
# beyond the end where a row has some left over. On ARM it has such ways, too, but they round RGB and RGBA differently.
_POINT = 0x10
_AREA = 0x20
_ACCURATE_RND = 0x40000
_AT_A_TIME = 32  # pixels
_X86 = platform.machine() in ("x86_64", "i686", "AMD64")

# PyAV gives each conversion threads of its own from version 17 on, as many as there are cores, unless told otherwise.
# There may be a dozen channels, which are encoded side by side already: threads that wait cost memory, and turns.
_ONE_THREAD: dict[str, Any] = {"threads": 1} if int(version("av").partition(".")[0]) >= 17 else {}


class Scaler:
    """Frames at another size: each pixel the mean of the area that it stands for.

    `width` and `height` are even, in pixels. Returns frames that already have this size as they are.
    """

    def __init__(self, width: int, height: int) -> None:
        self._width = width
        self._height = height
        self._reformatter: VideoReformatter | None = None

    def scale(self, frame: Frame) -> Frame:
        """The same picture at this size. Raises EncodingFailed."""
        if (frame.width, frame.height) == (self._width, self._height):
            return frame
        if self._reformatter is None:
            self._reformatter = _reformatter()
        scaled = _reformatted(
            self._reformatter, frame, width=self._width, height=self._height, interpolation=_AREA, format="yuvj420p"
        )
        data: NDArray[np.uint8] = np.ascontiguousarray(scaled.to_ndarray()).astype(np.uint8, copy=False).reshape(-1)
        return Frame(data, self._width, self._height, frame.seq, frame.captured, frame.offline)


class RgbConverter:
    """Frames as R, G, B (and A, which is 255): the JFIF formulas, each value within 2 of the exact one."""

    def __init__(self, pixel: Literal["rgb24", "rgba"]) -> None:
        self._pixel = pixel
        self._depth = 4 if pixel == "rgba" else 3
        self._reformatter: VideoReformatter | None = None

    def convert(self, frame: Frame) -> NDArray[np.uint8]:
        """The pixels, uint8, (height, width * 3 or 4), top down; rows may be padded, so mind the strides.

        Raises EncodingFailed.
        """
        if self._reformatter is None:
            self._reformatter = _reformatter()
        picture = _reformatted(
            self._reformatter,
            frame,
            format=self._pixel,
            src_colorspace=_BT601,
            dst_colorspace=_BT601,
            src_color_range=_FULL,
            dst_color_range=_FULL,
            interpolation=_POINT if _X86 and frame.width % _AT_A_TIME == 0 else _POINT | _ACCURATE_RND,
        )
        plane = picture.planes[0]
        # type: a plane is a buffer, which its stub does not say
        rows: NDArray[np.uint8] = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]
        return rows.reshape(frame.height, plane.line_size)[:, : frame.width * self._depth]

    def rows(self, frame: Frame, top: int, bottom: int) -> NDArray[np.uint8]:
        """The rows from `top` up to `bottom` alone, as `convert` would give them."""
        if (top, bottom) == (0, frame.height):
            return self.convert(frame)
        first, last = top // 2, (bottom + 1) // 2  # rows of chroma, each for two
        planes = (frame.y[2 * first : 2 * last], frame.u[first:last], frame.v[first:last])
        data = np.concatenate([plane.ravel() for plane in planes])
        part = Frame(data, frame.width, 2 * (last - first), frame.seq, frame.captured)
        return self.convert(part)[top - 2 * first : bottom - 2 * first]


def _reformatter() -> VideoReformatter:
    # Imported at the first frame: a service that sends only JPEG at full size never pays for loading FFmpeg, and any
    # other pays on an encoder's thread. All of it first: a source may load it at the same time, and two threads that
    # begin with different parts of a package whose parts need each other end in a deadlock, which Python resolves by
    # handing out halves of modules.
    try:
        import av  # noqa: F401 - to load it is the point
        from av.video.reformatter import VideoReformatter
    except (ImportError, OSError) as error:  # damaged, or no file descriptor is left to read it with
        raise EncodingFailed(f"FFmpeg's libraries cannot be loaded: {error}") from error

    return VideoReformatter()


def _reformatted(reformatter: VideoReformatter, frame: Frame, **how: Any) -> VideoFrame:
    from av import FFmpegError

    try:
        return reformatter.reformat(_view(frame), **how, **_ONE_THREAD)
    except FFmpegError as error:
        raise EncodingFailed(f"libswscale could not convert a frame: {error.strerror}") from error


def _view(frame: Frame) -> VideoFrame:
    """The frame as libav sees it, over the same memory where that may be."""
    from av.video.frame import VideoFrame

    rows = frame.data.reshape(frame.height * 3 // 2, frame.width)
    if frame.height % 4:  # PyAV computes the height of such a buffer wrongly, and cuts rows off; a copy is right
        return VideoFrame.from_ndarray(rows, format="yuvj420p")
    return VideoFrame.from_numpy_buffer(rows, format="yuvj420p")
