"""Frames for tests, of any size and of one colour or of noise."""

import numpy as np

from pi_stream.captions.fields import FieldContext
from pi_stream.media.frame import Frame


def plain_frame(seq: int = 0, *, y: int = 128, u: int = 128, v: int = 128, width: int = 64, height: int = 64) -> Frame:
    """A frame of one colour, captured at `seq` thirtieths of a second."""
    area = width * height
    data = np.empty(area * 3 // 2, np.uint8)
    data[:area], data[area : area + area // 4], data[area + area // 4 :] = y, u, v
    return Frame(data, width, height, seq, seq * 100_000 // 3)


def noisy_frame(seq: int = 0, *, width: int = 64, height: int = 64) -> Frame:
    """A frame of noise; the same for the same seq."""
    data = np.random.default_rng(seq).integers(0, 256, width * height * 3 // 2, np.uint8)
    return Frame(data, width, height, seq, seq * 100_000 // 3)


def context(frame: Frame | None = None, *, fps: float = 30, host: str = "garage", viewers: int = 2) -> FieldContext:
    """What captions' fields show of a frame; the machine has no temperature sensor."""
    frame = plain_frame() if frame is None else frame
    return FieldContext(frame=frame, source_fps=fps, host=host, viewers=viewers, temperature_c=None)
