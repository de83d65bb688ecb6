"""The seq, written into the picture so that a program can read which frame it sees, and hence how old it is.

A program that reads the pattern from pixels on a screen knows the seq; `captured` of that seq is in the frame's header,
and age is now minus captured. The pattern survives JPEG at quality 30, half size, and colour conversion, because it is
large, black and white, and without colour.

Geometry, in fractions of the picture, so that it holds at every scale:

- The grid is 24 cells wide and 2 cells high. Its left edge is at 2/28 of the width and a cell is 1/28 of the width
  wide, so that it ends at 26/28. Its top edge is at 21/24 of the height and a cell is 1/24 of the height high, so
  that it ends at 23/24.
- Around it lies a margin of luma 24: one cell wide to the left and right, half a cell high above and below.
- A cell that is 1 has luma 232, one that is 0 has luma 24. Cb and Cr are 128 all over the grid and its margin.
- The cells, left to right, the upper row first, are 48 bits: the seq (32 bits), then its checksum (16 bits), each with
  the most significant bit first.
- The checksum is CRC-16 of the seq's four bytes, most significant first: polynomial 0x1021, initial value 0xFFFF,
  nothing reflected, nothing added at the end ("CRC-16/CCITT-FALSE"; of the bytes of "123456789" it is 0x29B1).

To read, take for each cell the mean luma of the pixels whose centres lie in the middle half of the cell, in both
directions (if there is none: of the pixel that holds the cell's centre); above 128 it is 1. Luma from R, G, B is
0.299 R + 0.587 G + 0.114 B. If the checksum is not that of the seq, no seq can be read.
"""

from binascii import crc_hqx
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from pi_stream.media.frame import Plane

COLUMNS, ROWS = 24, 2
LEFT, CELL_WIDTH = 2 / 28, 1 / 28
TOP, CELL_HEIGHT = 21 / 24, 1 / 24
DARK, LIGHT = 24, 232
"""Luma of a 0 and of a 1."""


def write(luma: Plane, seq: int) -> None:
    """Write `seq` (0 to 2**32 - 1) into `luma`, uint8 of shape (height, width); the margin is there already."""
    height, width = luma.shape
    lines = np.rint((TOP + np.arange(ROWS + 1) * CELL_HEIGHT) * height).astype(int)
    edges = np.rint((LEFT + np.arange(COLUMNS + 1) * CELL_WIDTH) * width).astype(int)
    levels = np.where(_bits(seq).reshape(ROWS, COLUMNS), LIGHT, DARK).astype(np.uint8)
    for row in range(ROWS):
        luma[lines[row] : lines[row + 1], edges[0] : edges[-1]] = np.repeat(levels[row], np.diff(edges))


def read_seq(luma: NDArray[np.uint8]) -> int | None:
    """Read the seq from `luma`, uint8 of shape (height, width), of any scale; None if it is damaged or missing."""
    height, width = luma.shape
    columns = [_middle(LEFT + i * CELL_WIDTH, CELL_WIDTH, width) for i in range(COLUMNS)]
    rows = [_middle(TOP + i * CELL_HEIGHT, CELL_HEIGHT, height) for i in range(ROWS)]
    word = 0
    for row in rows:
        for column in columns:
            word = word << 1 | int(luma[row, column].mean() > 128)
    seq, checksum = word >> 16, word & 0xFFFF
    return seq if _checksum(seq) == checksum else None


def _checksum(seq: int) -> int:
    return crc_hqx(seq.to_bytes(4, "big"), 0xFFFF)


def _bits(seq: int) -> NDArray[np.uint8]:
    word = seq << 16 | _checksum(seq)
    return np.unpackbits(np.frombuffer(word.to_bytes(6, "big"), np.uint8))


def _middle(start: float, size: float, pixels: int) -> slice:
    """The pixels whose centres lie in the middle half of a cell, at least one."""
    first = ceil((start + size / 4) * pixels - 0.5)
    last = floor((start + size * 3 / 4) * pixels - 0.5)
    if last < first:
        first = last = min(int((start + size / 2) * pixels), pixels - 1)
    return slice(first, last + 1)
