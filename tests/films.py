"""Small films for tests, of colours that are known: written without libav's own colour conversion."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

BARS: dict[str, tuple[int, int, int]] = {
    "white": (255, 255, 255),
    "yellow": (255, 255, 0),
    "cyan": (0, 255, 255),
    "green": (0, 255, 0),
    "magenta": (255, 0, 255),
    "red": (255, 0, 0),
    "blue": (0, 0, 255),
    "black": (0, 0, 0),
    "skin": (224, 172, 140),
    "grey": (128, 128, 128),
}
"""R, G, B of the bars of `bars`, left to right, all of one width."""

# Kr and Kb of ITU-R BT.601 and BT.709, and the codes that libav has for them (ITU-T H.273).
_MATRICES = {"bt601": (0.299, 0.114, 6), "bt709": (0.2126, 0.0722, 1)}
_RANGES = {True: 2, False: 1}


def bars(width: int, height: int) -> NDArray[np.uint8]:
    """The colours of BARS side by side, uint8 of shape (height, width, 3)."""
    edges = [round(i * width / len(BARS) / 2) * 2 for i in range(len(BARS) + 1)]
    picture = np.empty((height, width, 3), np.uint8)
    for i, colour in enumerate(BARS.values()):
        picture[:, edges[i] : edges[i + 1]] = colour
    return picture


def ycc(rgb: NDArray[np.uint8], matrix: str, full: bool, bits: int = 8) -> NDArray[np.float64]:
    """R, G, B (..., 3) as unrounded Y, Cb, Cr of so many bits. Formulas: ITU-T H.273, clause 8.3."""
    kr, kb, _ = _MATRICES[matrix]
    r, g, b = np.moveaxis(rgb.astype(float) / 255, -1, 0)
    y = kr * r + (1 - kr - kb) * g + kb * b
    cb, cr = (b - y) / (2 - 2 * kb), (r - y) / (2 - 2 * kr)
    one, middle = 2 ** (bits - 8), 2 ** (bits - 1)
    if full:
        most = 2**bits - 1
        return np.stack([most * y, middle + most * cb, middle + most * cr], axis=-1)
    return np.stack([one * (16 + 219 * y), middle + one * 224 * cb, middle + one * 224 * cr], axis=-1)


def write_film(
    path: Path,
    pictures: Iterable[NDArray[np.uint8]],
    *,
    matrix: str = "bt709",
    full: bool = False,
    tagged: bool = True,
    layout: str = "yuv420p",
    codec: str = "ffv1",
    fps: int = 25,
    times: Sequence[int] | None = None,
    pixel_shape: Fraction | None = None,
) -> Path:
    """Write R, G, B pictures, uint8 of shape (height, width, 3), as a film; the name's ending says which container.

    `layout` is a planar pixel format of libav's, of 8 or 10 bits. `times` gives each picture's time in 1/1000 s, for a
    rate that varies. The default codec loses nothing.
    """
    with av.open(path, "w") as container:
        video: Any = container.add_stream(codec, rate=fps)  # the stub knows too few codecs by name
        video.pix_fmt = layout
        context = video.codec_context
        if tagged:
            context.color_range, context.colorspace = _RANGES[full], _MATRICES[matrix][2]
        if times is not None:
            context.time_base = Fraction(1, 1000)
        for number, rgb in enumerate(pictures):
            if number == 0:
                video.height, video.width = rgb.shape[:2]
                if pixel_shape is not None:
                    context.sample_aspect_ratio = pixel_shape
            frame = _frame(rgb, matrix, full, layout)
            if tagged:
                frame.color_range, frame.colorspace = _RANGES[full], _MATRICES[matrix][2]
            frame.time_base = context.time_base or Fraction(1, fps)
            frame.pts = times[number] if times is not None else number
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return path


def _frame(rgb: NDArray[np.uint8], matrix: str, full: bool, layout: str) -> av.VideoFrame:
    height, width = rgb.shape[:2]
    frame = av.VideoFrame(width, height, layout)
    bits = frame.format.components[0].bits
    values = ycc(rgb, matrix, full, bits)
    for plane, value in zip(frame.planes, np.moveaxis(values, -1, 0), strict=False):  # gray has one plane
        across, down = width // plane.width, height // plane.height
        thinned = value.reshape(plane.height, down, plane.width, across).mean(axis=(1, 3))
        pixels = np.clip(np.rint(thinned), 0, 2**bits - 1).astype(np.uint8 if bits == 8 else np.dtype("<u2"))
        rows = np.zeros((plane.height, plane.line_size), np.uint8)
        packed = pixels.view(np.uint8).reshape(plane.height, -1)
        rows[:, : packed.shape[1]] = packed
        plane.update(rows.tobytes())
    return frame
