"""The system's libjpeg-turbo by ctypes, for systems that do not package simplejpeg (Debian).

The functions are those of its TurboJPEG interface 2 (`turbojpeg.h` of libjpeg-turbo 1.4 to 3.1; Debian's package is
libturbojpeg0). ctypes releases the interpreter's lock during a call, so other threads go on.
"""

import ctypes
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pi_stream.errors import MissingLibrary
from pi_stream.media.frame import Plane

_NAME = "libturbojpeg.so.0"

# Numbers of turbojpeg.h.
_420 = 2  # TJSAMP_420
_FIXED_MEMORY = 1024  # TJFLAG_NOREALLOC: write only to the given memory

_Bytes = ctypes.POINTER(ctypes.c_ubyte)


@cache
def library() -> ctypes.CDLL:
    """The system's library, loaded once. Raises MissingLibrary."""
    try:
        turbo = ctypes.CDLL(_NAME)
    except OSError:
        raise MissingLibrary(
            f"JPEG needs the Python package simplejpeg or the library {_NAME}, and neither is installed; "
            "`apt install libturbojpeg0` or `pip install simplejpeg` fixes it"
        ) from None
    turbo.tjInitCompress.argtypes = []
    turbo.tjInitCompress.restype = ctypes.c_void_p
    turbo.tjDestroy.argtypes = [ctypes.c_void_p]
    turbo.tjBufSize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int]
    turbo.tjBufSize.restype = ctypes.c_ulong
    turbo.tjGetErrorStr2.argtypes = [ctypes.c_void_p]
    turbo.tjGetErrorStr2.restype = ctypes.c_char_p
    turbo.tjCompressFromYUVPlanes.argtypes = [
        ctypes.c_void_p,
        ctypes.POINTER(_Bytes),  # the planes
        ctypes.c_int,  # width
        ctypes.POINTER(ctypes.c_int),  # bytes from row to row, of each plane
        ctypes.c_int,  # height
        ctypes.c_int,  # subsampling
        ctypes.POINTER(_Bytes),  # the memory for the file
        ctypes.POINTER(ctypes.c_ulong),  # its size; after the call, the file's length
        ctypes.c_int,  # quality
        ctypes.c_int,  # flags
    ]
    return turbo


def encode_jpeg_yuv_planes(y: Plane, u: Plane, v: Plane, quality: int) -> bytes:
    """A baseline JPEG file, 4:2:0: the same bytes as simplejpeg's function of this name makes.

    `y` is (height, width), both even and at least 2; `u` and `v` have half the width and height; all are uint8 with
    pixels without gaps in a row. `quality` is 1 to 100. May be called by any thread. Raises MissingLibrary; ValueError
    for planes of other shapes and for any error of the library.
    """
    turbo = library()
    height, width = y.shape
    planes, chroma = (y, u, v), (height // 2, width // 2)
    for plane, shape in zip(planes, (y.shape, chroma, chroma), strict=True):
        if plane.shape != shape or plane.dtype != np.uint8 or plane.strides[1] != 1 or height % 2 or width % 2:
            raise ValueError(
                f"expected planes of uint8, even, without gaps, here {shape}, got {plane.dtype} {plane.shape}"
            )
    file: NDArray[np.uint8] = np.empty(turbo.tjBufSize(width, height, _420), np.uint8)
    length = ctypes.c_ulong(file.size)
    compressor = turbo.tjInitCompress()
    if not compressor:
        raise MemoryError("libjpeg-turbo has no memory for a JPEG")
    try:
        failed = turbo.tjCompressFromYUVPlanes(
            compressor,
            (_Bytes * 3)(*(_pointer(plane) for plane in planes)),
            width,
            (ctypes.c_int * 3)(*(plane.strides[0] for plane in planes)),
            height,
            _420,
            ctypes.byref(_pointer(file)),
            ctypes.byref(length),
            quality,
            _FIXED_MEMORY,
        )
        if failed:
            raise ValueError(f"libjpeg-turbo: {turbo.tjGetErrorStr2(compressor).decode(errors='replace')}")
    finally:
        turbo.tjDestroy(compressor)
    return file[: length.value].tobytes()


def _pointer(array: NDArray[np.uint8]) -> "ctypes._Pointer[ctypes.c_ubyte]":
    return ctypes.cast(array.ctypes.data, _Bytes)
