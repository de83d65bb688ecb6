"""Frames scaled to another size, or converted to RGB, by libswscale."""

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

# libswscale's flags (libswscale/swscale.h). Chroma is repeated, not interpolated, so that PNG, rgba and the page's i420
# have each colour at the same place. Without SWS_ACCURATE_RND, x86 has a conversion to RGB that takes a seventh of the
# time; it is exact for greys, and within 2 of 255 for colours. It processes 32 pixels at a time and may read beyond the
# end of a row of any other width, so it is used only for widths that fit. ARM's rounds RGB and RGBA differently.
_POINT = 0x10
_AREA = 0x20
_ACCURATE_RND = 0x40000
_FAST_PIXELS = 32  # that the fast conversion of x86 processes at a time
_X86 = platform.machine() in ("x86_64", "i686", "AMD64")

# From version 17 on, PyAV gives each conversion as many threads as there are cores, unless it is told otherwise. Many
# channels may be encoded at the same time already, and idle threads cost memory.
_ONE_THREAD: dict[str, Any] = {"threads": 1} if int(version("av").partition(".")[0]) >= 17 else {}


class Scaler:
    """Scales frames to `width` x `height` pixels, both even: each pixel is the mean of the area that it covers.

    Returns frames that already have this size as they are. One thread at a time.
    """

    def __init__(self, width: int, height: int) -> None:
        self._width = width
        self._height = height
        self._reformatter: VideoReformatter | None = None

    def scale(self, frame: Frame) -> Frame:
        """The frame at this size, with the same `seq`, `captured` and `offline`. Raises EncodingFailed."""
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
    """Converts frames to R, G, B (and A, which is 255) by JFIF's formulas, each value within 2 of the exact one.

    One thread at a time.
    """

    def __init__(self, pixel: Literal["rgb24", "rgba"]) -> None:
        self._pixel = pixel
        self._depth = 4 if pixel == "rgba" else 3
        self._reformatter: VideoReformatter | None = None

    def convert(self, frame: Frame) -> NDArray[np.uint8]:
        """The pixels, uint8, (height, width * 3 or 4), top row first. Rows may be padded, so the array need not be
        contiguous.

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
            interpolation=_POINT if _X86 and frame.width % _FAST_PIXELS == 0 else _POINT | _ACCURATE_RND,
        )
        plane = picture.planes[0]
        # type: a plane is a buffer, which its stub does not say
        rows: NDArray[np.uint8] = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]
        return rows.reshape(frame.height, plane.line_size)[:, : frame.width * self._depth]

    def rows(self, frame: Frame, top: int, bottom: int) -> NDArray[np.uint8]:
        """Only the rows from `top` up to `bottom`, as `convert` gives them. Raises EncodingFailed."""
        if (top, bottom) == (0, frame.height):
            return self.convert(frame)
        first, last = top // 2, (bottom + 1) // 2  # rows of chroma, each for two rows of luma
        planes = (frame.y[2 * first : 2 * last], frame.u[first:last], frame.v[first:last])
        data = np.concatenate([plane.ravel() for plane in planes])
        part = Frame(data, frame.width, 2 * (last - first), frame.seq, frame.captured)
        return self.convert(part)[top - 2 * first : bottom - 2 * first]


def _reformatter() -> VideoReformatter:
    # Imported with the first frame: a service that sends only JPEG at full size never loads FFmpeg, and any other loads
    # it on an encoder's thread. The whole package first: a source may import it at the same time. Two threads that
    # import different modules of a package, which import each other, get into a deadlock. Python resolves it by giving
    # one of them a module that is not complete.
    try:
        import av  # noqa: F401 - only loaded
        from av.video.reformatter import VideoReformatter
    except (ImportError, OSError) as error:  # damaged, or no file descriptor is left
        raise EncodingFailed(f"FFmpeg's libraries cannot be loaded: {error}") from error

    return VideoReformatter()


def _reformatted(reformatter: VideoReformatter, frame: Frame, **how: Any) -> VideoFrame:
    from av import FFmpegError

    try:
        return reformatter.reformat(_view(frame), **how, **_ONE_THREAD)
    except FFmpegError as error:
        raise EncodingFailed(f"libswscale could not convert a frame: {error.strerror}") from error


def _view(frame: Frame) -> VideoFrame:
    """The frame as libav's, over the same memory if possible."""
    from av.video.frame import VideoFrame

    rows = frame.data.reshape(frame.height * 3 // 2, frame.width)
    if frame.height % 4:  # PyAV gets the height of such a buffer wrong and loses rows, but copies it right
        return VideoFrame.from_ndarray(rows, format="yuvj420p")
    return VideoFrame.from_numpy_buffer(rows, format="yuvj420p")
