"""Decoders of the Python viewer: from the bytes of a packet to an array of pixels, one function an encoding.

Loaded when the first picture is decoded: a program that only puts captions needs no imaging library.
"""

import io
import struct
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pi_stream.errors import BadMessage
from pi_stream.media.encodings import Encoding
from pi_stream.media.frame import Frame, Packet

try:
    from simplejpeg import decode_jpeg, decode_jpeg_header
except ModuleNotFoundError:  # as on Debian: Pillow gives the same pixels, in three times the time
    decode_jpeg = decode_jpeg_header = None

_MAX_PIXELS = 8192 * 8192  # the largest picture that a service can send; more would only fill this machine's memory

# What numpy, simplejpeg and Pillow raise over bytes that are not a picture.
_DAMAGED = (ValueError, OSError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError)


def decode(packet: Packet) -> NDArray[np.uint8]:
    """The picture of a packet as R, G, B: uint8, (height, width, 3). May be called by any thread.

    Raises BadMessage for an encoding that has no decoder here, and for a picture that is damaged or that has another
    size than the packet says.
    """
    width, height = packet.width, packet.height
    if not 0 < width * height <= _MAX_PIXELS:
        raise BadMessage(f"expected a picture of 1 to {_MAX_PIXELS} pixels, got {width} x {height}")
    decoder = _DECODERS.get(packet.encoding)
    if decoder is None:
        raise BadMessage(f"{packet.encoding} pictures are not decoded here; accept another encoding")
    try:
        return decoder(packet)
    except BadMessage:
        raise
    except _DAMAGED as error:
        raise BadMessage(f"expected a {packet.encoding} picture, got a damaged one: {error}") from None


def _rgba(packet: Packet) -> NDArray[np.uint8]:
    return np.frombuffer(packet.data, np.uint8).reshape(packet.height, packet.width, 4)[..., :3]


def _i420(packet: Packet) -> NDArray[np.uint8]:
    from pi_stream.encoders.scaling import RgbConverter  # not earlier: the other encodings need none of its libraries

    data = np.frombuffer(packet.data, np.uint8).copy()
    frame = Frame(data, packet.width, packet.height, packet.seq, packet.captured)
    return RgbConverter("rgb24").convert(frame).reshape(packet.height, packet.width, 3)


def _png(packet: Packet) -> NDArray[np.uint8]:
    return _by_pillow(packet, "PNG")


def _jpeg(packet: Packet) -> NDArray[np.uint8]:
    if decode_jpeg is None:
        return _by_pillow(packet, "JPEG")
    height, width, *_ = decode_jpeg_header(packet.data)
    _check_size(packet, width, height)
    pixels: NDArray[np.uint8] = decode_jpeg(packet.data, "RGB")
    return pixels


def _by_pillow(packet: Packet, format: str) -> NDArray[np.uint8]:  # noqa: A002 - Pillow's word
    with Image.open(io.BytesIO(packet.data), formats=(format,)) as picture:
        _check_size(packet, *picture.size)
        return np.asarray(picture.convert("RGB"))


def _check_size(packet: Packet, width: int, height: int) -> None:
    """Before it is decoded: a small file may hold a picture that fills the memory."""
    if (width, height) != (packet.width, packet.height):
        raise BadMessage(f"expected a picture of {packet.width} x {packet.height}, got {width} x {height}")


_DECODERS: Mapping[Encoding, Callable[[Packet], NDArray[np.uint8]]] = {
    "jpeg": _jpeg,
    "png": _png,
    "i420": _i420,
    "rgba": _rgba,
}
