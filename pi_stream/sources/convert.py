"""Converts libav's frames to I420, BT.601 full range, of one size.

The tags of a picture say its matrix and range. Without tags, the convention of browsers and players holds: BT.709 from
720 lines up and BT.601 below; limited range unless the pixel format is a yuvj or gray one, or holds R, G and B. A
picture of full range without a matrix is taken to be BT.601, as in JFIF, at every size: full range comes from JPEG, and
a y4m, for example, cannot name its matrix. Primaries and transfer are taken to be equal and are not converted. The
codes are those of ITU-T H.273.

libavfilter's `colorspace` converts from matrix to matrix directly and is exact to rounding; swscale converts by way of
R, G and B and is off by up to 7. So swscale only changes size, layout and depth, and `colorspace` the colours.
"""

from dataclasses import dataclass
from fractions import Fraction

import av
import av.filter
import numpy as np

from pi_stream.errors import SourceUnavailable
from pi_stream.media.frame import Plane

_FULL, _LIMITED = 2, 1  # AVColorRange
_UNSPECIFIED = 2
_RGB = 0
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco", 9: "bt2020nc"}
_BT601 = {"bt470bg", "smpte170m"}  # two names of one matrix
_BLACK = (0, 128, 128)


@dataclass(frozen=True)
class _Kind:
    """The properties of a picture that a filter graph depends on."""

    layout: str  # libav's name of the pixel format
    width: int
    height: int
    matrix: str  # libavfilter's name, or "rgb"
    full: bool
    deep: bool  # more than eight bits
    rotation: int  # degrees clockwise to rotate it by
    shape: Fraction  # width of a pixel to its height


class Converter:
    """Makes I420 of `width` x `height` pixels (even) from libav's frames of any kind, which may change midway.

    A picture of another aspect ratio gets black bars and is never distorted. `rotation`, 0 or 180 degrees, is added to
    the rotation that the film itself asks for, as films of phones do.
    """

    def __init__(self, width: int, height: int, rotation: int = 0) -> None:
        self.width, self.height, self._rotation = width, height, rotation
        self._kind: _Kind | None = None
        self._graph: av.filter.Graph | None = None
        self._place = (0, 0, width, height)

    @property
    def colour(self) -> str:
        """The colour space of the newest picture, for people."""
        if self._kind is None:
            return "unknown"
        if self._kind.matrix == "rgb":
            return "RGB, converted"
        name = "bt601" if self._kind.matrix in _BT601 else self._kind.matrix
        known = name.upper().replace("BT", "BT.") if name.startswith("bt") else name
        same = self._kind.full and self._kind.matrix in _BT601
        return f"{known} {'full' if self._kind.full else 'limited'} range{'' if same else ', converted'}"

    @property
    def idle(self) -> bool:
        """Whether the newest picture needed no conversion of size, layout or colours, and was only copied."""
        return self._kind is not None and self._graph is None and self._place == (0, 0, self.width, self.height)

    def convert(self, frame: av.VideoFrame, shape: Fraction | None = None) -> Plane:
        """New memory, uint8, width * height * 3 / 2 long, laid out as in `frame.Frame`; `frame` loses its `pts`.

        `shape` is the width of a pixel divided by its height, if known. Raises SourceUnavailable for a picture that
        libavfilter cannot convert.
        """
        kind = self._kind_of(frame, shape or Fraction(1))
        if kind != self._kind:
            self._graph, self._place = self._prepare(kind)
            self._kind = kind
        if self._graph is not None:
            # libavfilter needs a constant time base, and does not need the time.
            frame.pts = None
            try:
                self._graph.push(frame)
                frame = self._pull()
            except av.FFmpegError as error:
                raise SourceUnavailable(
                    f"its pictures ({kind.layout}) cannot be converted: {error.strerror}"
                ) from error
        return self._copied(frame)

    def _kind_of(self, frame: av.VideoFrame, shape: Fraction) -> _Kind:
        layout = frame.format
        rgb = layout.is_rgb or layout.name == "pal8"
        untagged_full = rgb or layout.name.startswith(("yuvj", "gray", "mono", "ya"))
        full = frame.color_range == _FULL or (frame.color_range != _LIMITED and untagged_full)
        if rgb:
            matrix = "rgb"
        elif frame.colorspace in (_UNSPECIFIED, _RGB):
            matrix = "bt709" if frame.height >= 720 and not full else "smpte170m"
        elif (named := _MATRICES.get(frame.colorspace)) is not None:
            matrix = named
        else:
            raise SourceUnavailable(f"its colours (matrix {frame.colorspace} of H.273) cannot be converted")
        return _Kind(
            layout.name,
            frame.width,
            frame.height,
            matrix,
            full,
            max(part.bits for part in layout.components) > 8,
            (self._rotation - round(frame.rotation)) % 360,
            shape,
        )

    def _prepare(self, kind: _Kind) -> tuple[av.filter.Graph | None, tuple[int, int, int, int]]:
        """The graph for pictures of this kind (None: they need none), and their place in the frame."""
        sideways = kind.rotation in (90, 270)
        wide, high = kind.width * kind.shape, Fraction(kind.height)
        if sideways:
            wide, high = high, wide
        scale = min(self.width / wide, self.height / high)
        width, height = _even(wide * scale, self.width), _even(high * scale, self.height)
        left, top = _even((self.width - width) / 2, self.width), _even((self.height - height) / 2, self.height)
        place = (left, top, width, height)

        size = (height, width) if sideways else (width, height)
        resize = size != (kind.width, kind.height)
        recolour = not (kind.full and kind.matrix in _BT601)
        if not (resize or recolour or kind.rotation or kind.layout not in ("yuv420p", "yuvj420p")):
            return None, place

        steps = []
        deep = "yuv420p10" if kind.deep and recolour and kind.matrix != "rgb" else "yuv420p"
        if kind.matrix == "rgb":
            steps += [
                ("scale", f"{size[0]}:{size[1]}:out_color_matrix=smpte170m:out_range=pc:flags=bicubic+accurate_rnd"),
                ("format", "yuv420p"),
            ]
        else:
            span = "pc" if kind.full else "tv"
            tags = f"colorspace={kind.matrix}:range={span}:color_primaries=bt709:color_trc=bt709"
            steps += [("setparams", tags)]
            if resize or kind.layout != deep:
                # The same on both sides, so that swscale does not change the colours.
                same = f"in_range={span}:out_range={span}"
                steps += [("scale", f"{size[0]}:{size[1]}:{same}"), ("format", deep)]
            if recolour:
                same = "primaries=bt709:trc=bt709"
                steps += [("setparams", tags), ("colorspace", f"space=smpte170m:range=pc:{same}:format=yuv420p")]
        turns = {90: [("transpose", "clock")], 180: [("hflip", ""), ("vflip", "")], 270: [("transpose", "cclock")]}
        steps += turns.get(kind.rotation, [])
        return _graph(kind, steps), place

    def _pull(self) -> av.VideoFrame:
        assert self._graph is not None  # noqa: S101 - for the type checker; the caller has just pushed into it
        frame = self._graph.pull()
        if not isinstance(frame, av.VideoFrame):
            raise TypeError(f"a video graph gave {type(frame).__name__}")
        return frame

    def _copied(self, frame: av.VideoFrame) -> Plane:
        left, top, width, height = self._place
        data = np.empty(self.width * self.height * 3 // 2, np.uint8)
        area = self.width * self.height
        start = 0
        for plane, black, scale in zip(frame.planes, _BLACK, (1, 2, 2), strict=True):
            ours = data[start : start + area // scale**2].reshape(self.height // scale, self.width // scale)
            pixels = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]  # its stub hides that it is a buffer
            theirs = pixels.reshape(-1, plane.line_size)
            if (width, height) != (self.width, self.height):
                ours.fill(black)
            ours[top // scale : (top + height) // scale, left // scale : (left + width) // scale] = theirs[
                : height // scale, : width // scale
            ]
            start += ours.size
        return data


def _graph(kind: _Kind, steps: list[tuple[str, str]]) -> av.filter.Graph:
    graph = av.filter.Graph()
    layout = av.VideoFormat(kind.layout)
    last = graph.add_buffer(width=kind.width, height=kind.height, format=layout, time_base=Fraction(1, 1000))
    for name, arguments in [*steps, ("buffersink", "")]:
        step = graph.add(name, arguments) if arguments else graph.add(name)
        last.link_to(step)
        last = step
    try:
        graph.configure()
    except av.FFmpegError as error:
        raise SourceUnavailable(f"its pictures ({kind.layout}) cannot be converted: {error.strerror}") from error
    return graph


def _even(number: Fraction | float, largest: int) -> int:
    return min(max(round(number / 2) * 2, 0), largest)
