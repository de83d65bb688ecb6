"""The planes of a libcamera request: copied once out of the camera's memory, and converted if they need it.

The layouts are libcamera's: every row of Y is `stride` bytes long, whatever the width of the picture. In YUV420 the
rows of U, and after them those of V, have half that length; in NV12 one plane with U and V in turn follows, with rows
as long as those of Y.
"""

import importlib
from typing import Any

import av
import numpy as np

from pi_stream.errors import SourceUnavailable
from pi_stream.media.frame import Plane
from pi_stream.sources.convert import Converter

_MATRICES = {"Rec601": 6, "Rec709": 1, "Rec2020": 9}  # libcamera's names; codes of H.273
_RANGES = {"Limited": 1, "Full": 2}  # AVColorRange
_UNSPECIFIED = (2, 0)


class Mapped:
    """How to read one configured main stream. `rotation` is what libcamera did not rotate, in degrees.

    `given` is picamera2's description of the main stream, after configuring; `space` is libcamera's ColorSpace of it,
    or None. Raises SourceUnavailable for a layout that is neither YUV420 nor NV12, or whose rows are too short.
    """

    def __init__(self, given: dict[str, Any], space: Any, width: int, height: int, rotation: int) -> None:
        self._layout: str = given["format"]
        self._width, self._height = given["size"]
        self._stride: int = given["stride"]
        if self._layout not in ("YUV420", "NV12"):
            raise SourceUnavailable(f"the camera gives {self._layout}, which is neither YUV420 nor NV12")
        if self._stride < self._width:
            raise SourceUnavailable(f"the camera gives rows of {self._stride} bytes for {self._width} pixels")
        self._mapped_array = importlib.import_module("picamera2").MappedArray
        self._colours = _UNSPECIFIED
        if space is not None:
            self._colours = _MATRICES.get(space.ycbcrEncoding.name, 2), _RANGES[space.range.name]
        ours = (self._width, self._height) == (width, height) and self._colours == (6, 2) and not rotation
        self._converter = None if ours else Converter(width, height, rotation)
        self.colour = "BT.601 full range"
        if not ours:
            named = f"{space.ycbcrEncoding.name} {space.range.name}" if space is not None else "untagged"
            self.colour = f"{named} {self._width}x{self._height}, converted"

    def copied(self, request: Any) -> Plane:
        """New memory that holds the request's picture, as `frame.Frame` wants it.

        Raises SourceUnavailable if the request holds something else than the camera has announced.
        """
        with self._mapped_array(request, "main", reshape=False, write=False) as mapped:
            data = self._packed(mapped.array)
        if self._converter is None:
            return data
        frame = av.VideoFrame.from_ndarray(data.reshape(-1, self._width), format="yuv420p")
        frame.colorspace, frame.color_range = self._colours
        return self._converter.convert(frame)

    def _packed(self, memory: Plane) -> Plane:
        """The three planes without the ends of their rows. No view of the camera's memory outlives this."""
        width, height, stride = self._width, self._height, self._stride
        area, rows = stride * height, height // 2
        if memory.dtype != np.uint8 or memory.size < area * 3 // 2:
            raise SourceUnavailable(
                f"the camera gave garbage: expected {area * 3 // 2} bytes, got {memory.size} x {memory.dtype}"
            )
        luma = memory[:area].reshape(height, stride)
        if self._layout == "YUV420":
            half = area // 4
            u = memory[area : area + half].reshape(rows, stride // 2)
            v = memory[area + half : area + 2 * half].reshape(rows, stride // 2)
        else:
            both = memory[area : area + area // 2].reshape(rows, stride // 2, 2)
            u, v = both[..., 0], both[..., 1]
        data = np.empty(width * height * 3 // 2, np.uint8)
        size = width * height
        data[:size].reshape(height, width)[:] = luma[:, :width]
        data[size : size + size // 4].reshape(rows, width // 2)[:] = u[:, : width // 2]
        data[size + size // 4 :].reshape(rows, width // 2)[:] = v[:, : width // 2]
        return data
