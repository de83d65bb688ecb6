"""The encoders, against decoders that are not ours."""

import io
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
import simplejpeg
from isal import isal_zlib
from PIL import Image

from pi_stream.encoders import ENCODERS, scaling, turbojpeg
from pi_stream.encoders.png import png_file
from pi_stream.encoders.scaling import Scaler
from pi_stream.encoders.turbojpeg import encode_jpeg_yuv_planes
from pi_stream.errors import EncodingFailed, MissingLibrary
from pi_stream.media.colour import rgb_from_ycc
from pi_stream.media.encodings import ENCODINGS, Encoding
from pi_stream.media.frame import Frame, Plane
from tests.frames import noisy_frame, plain_frame


def _reference(frame: Frame) -> Plane:
    """The JFIF formulas, with chroma repeated."""
    u, v = (plane.repeat(2, 0).repeat(2, 1) for plane in (frame.u, frame.v))
    return rgb_from_ycc(np.stack([frame.y, u, v], axis=-1))


def _soft_frame(width: int = 320, height: int = 180) -> Frame:
    """Smooth gradients in all three planes, as film has them."""
    x, y = np.linspace(0, 255, width), np.linspace(0, 255, height)
    luma = (x[None, :] + y[:, None]) / 2
    u, v = (
        np.broadcast_to(x[None, ::2], (height // 2, width // 2)),
        np.broadcast_to(y[::2, None], (height // 2, width // 2)),
    )
    data = np.concatenate([plane.ravel() for plane in (luma, u, v)]).astype(np.uint8)
    return Frame(data, width, height, 1, 2)


def test_there_is_an_encoder_for_each_row_that_names_its_library() -> None:
    """What the doctor tries, what is offered, and in which order, is what can be made."""
    assert list(ENCODERS) == [name for name, row in ENCODINGS.items() if row.library is not None]


def test_i420_is_the_frames_own_bytes() -> None:
    """Exactly, without a copy."""
    frame = noisy_frame(1)
    packet = ENCODERS["i420"](64, 64, 0).encode(frame)
    assert bytes(packet) == frame.data.tobytes()


# Widths that libswscale converts by the dozen pixels, and some that it does not; heights of one stripe and of several.
@pytest.mark.parametrize(("width", "height"), [(322, 182), (320, 180), (32, 16), (1312, 130), (1280, 720), (334, 18)])
def test_png_and_rgba_are_the_same_pixels_and_the_formulas_ones(width: int, height: int) -> None:
    """PNG, read by Pillow, equals the raw pixels, and both the reference within 2 of 255."""
    frame = noisy_frame(3, width=width, height=height)
    rgba = np.frombuffer(ENCODERS["rgba"](width, height, 0).encode(frame), np.uint8).reshape(height, width, 4)
    with Image.open(io.BytesIO(ENCODERS["png"](width, height, 0).encode(frame))) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (width, height))
        png = np.asarray(picture)
    assert np.array_equal(png, rgba[..., :3])
    assert (rgba[..., 3] == 255).all()
    difference = np.abs(png.astype(int) - _reference(frame))
    assert difference.max() <= 2
    assert difference.mean() < 0.7


@pytest.mark.parametrize("encoding", ["rgba", "png", "jpeg"])
@pytest.mark.parametrize(("luma", "grey"), [(0, 0), (255, 255), (128, 128), (77, 77)])
def test_black_is_0_and_white_is_255(encoding: str, luma: int, grey: int) -> None:
    """Full range: nothing is washed out."""
    data = ENCODERS[encoding](64, 64, 80).encode(plain_frame(y=luma))  # type: ignore[index]  # one of its keys
    if encoding == "rgba":
        pixels = np.frombuffer(data, np.uint8).reshape(64, 64, 4)[..., :3]
    else:
        with Image.open(io.BytesIO(data)) as picture:
            pixels = np.asarray(picture.convert("RGB"))
    assert (pixels == grey).all()


def test_jpeg_is_close_to_the_frame_and_better_at_higher_quality() -> None:
    """At quality 90 the luma that comes back is within 40 dB of what was sent, and quality matters."""
    frame = _soft_frame()
    sizes = {}
    for quality in (30, 90, 100):
        data = ENCODERS["jpeg"](320, 180, quality).encode(frame)
        sizes[quality] = len(data)
        luma = simplejpeg.decode_jpeg(data, "GRAY")[..., 0].astype(float)
        if quality >= 90:
            assert 10 * np.log10(255**2 / np.mean((luma - frame.y) ** 2)) > 40
    assert sizes[30] < sizes[90] < sizes[100]


@pytest.mark.parametrize("encoding", ["jpeg", "png", "rgba", "i420"])
def test_a_smaller_picture_is_the_same_picture(encoding: str) -> None:
    """Half the size keeps the colours where they were."""
    frame = _soft_frame()
    data = ENCODERS[encoding](160, 90, 90).encode(frame)  # type: ignore[index]  # one of its keys
    if encoding == "i420":
        pixels = _reference(Frame(np.frombuffer(data, np.uint8).copy(), 160, 90, 0, 0))
    elif encoding == "rgba":
        pixels = np.frombuffer(data, np.uint8).reshape(90, 160, 4)[..., :3]
    else:
        with Image.open(io.BytesIO(data)) as picture:
            pixels = np.asarray(picture.convert("RGB"))
    expected = _reference(frame).reshape(90, 2, 160, 2, 3).mean(axis=(1, 3))
    assert np.abs(pixels - expected).mean() < 3


def test_scaling_leaves_black_and_white_as_they_are() -> None:
    """The full range stays full."""
    for luma in (0, 255):
        assert (Scaler(32, 32).scale(plain_frame(y=luma)).y == luma).all()


def test_scaling_keeps_what_is_known_of_the_frame() -> None:
    """A smaller frame is the same frame: its number, its moment, and whether it is the source's."""
    frame = Frame(noisy_frame(1).data, 64, 64, 77, 88, offline=True)
    scaled = Scaler(32, 16).scale(frame)
    assert (scaled.width, scaled.height, scaled.seq, scaled.captured, scaled.offline) == (32, 16, 77, 88, True)
    assert Scaler(64, 64).scale(frame) is frame


@pytest.mark.parametrize(("depth", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_a_png_file_of_any_depth_is_read_back_exactly(depth: int, mode: str) -> None:
    """Odd sizes too, and one row alone."""
    for height, width in ((1, 1), (3, 5), (17, 31), (129, 3), (257, 40), (301, 64)):
        pixels = np.random.default_rng(height).integers(0, 256, (height, width, depth), np.uint8)
        with Image.open(io.BytesIO(png_file(pixels.reshape(height, width * depth), depth))) as picture:
            assert picture.mode == mode
            assert np.array_equal(np.asarray(picture).reshape(height, width, depth), pixels)


@pytest.mark.parametrize("encoding", ["jpeg", "png", "i420", "rgba"])
def test_a_library_that_fails_is_no_bug(encoding: Encoding, monkeypatch: pytest.MonkeyPatch) -> None:
    """What libjpeg-turbo, isal and libswscale say over a frame comes out as one error, with their words in it."""

    class Broken:
        def reformat(self, *_: object, **__: object) -> None:
            raise av.error.ExternalError(1, "out of order")

    def broken(*_: object) -> None:
        raise isal_zlib.error("out of order") if encoding == "png" else ValueError("out of order")  # type: ignore[operator]  # its stub says that it is no class

    small = encoding in ("i420", "rgba")  # these only scale
    encoder = ENCODERS[encoding](32 if small else 64, 64, 80)
    monkeypatch.setattr("pi_stream.encoders.scaling._reformatter", Broken if small else scaling._reformatter)
    monkeypatch.setattr("pi_stream.encoders.jpeg.encode_jpeg_yuv_planes", broken)
    monkeypatch.setattr(isal_zlib, "compressobj", broken)
    with pytest.raises(EncodingFailed, match="out of order"):
        encoder.encode(noisy_frame(1))


def test_a_png_is_made_on_one_thread_where_there_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit has a limit of threads; the file is the same."""
    monkeypatch.setattr("pi_stream.lib.machine_stats.cores", lambda: 4)
    frame = noisy_frame(1, width=320, height=256)
    expected = ENCODERS["png"](320, 256, 0).encode(frame)

    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    assert ENCODERS["png"](320, 256, 0).encode(frame) == expected


def test_an_encoder_keeps_nothing_of_the_frame_before() -> None:
    """Its memory is used again and again; each file is whole."""
    encoder = ENCODERS["png"](64, 64, 0)
    first = encoder.encode(noisy_frame(1))
    second = encoder.encode(plain_frame(2))
    assert encoder.encode(noisy_frame(1)) == first
    assert encoder.encode(plain_frame(2)) == second


@pytest.mark.parametrize("cores", [1, 2, 3, 64])
def test_a_png_is_the_same_pixels_on_any_number_of_cores(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its stripes make one valid stream, which ends with the right checksum."""
    monkeypatch.setattr("pi_stream.encoders.png.machine_stats.cores", lambda: cores)
    pixels = np.random.default_rng(cores).integers(0, 256, (500, 33 * 3), np.uint8)
    file = png_file(pixels, 3)
    assert file.count(b"IDAT") == min(cores, 4)
    with Image.open(io.BytesIO(file)) as picture:
        assert np.array_equal(np.asarray(picture).reshape(500, 99), pixels)
    body = b"".join(part[4:-8] for part in _split(file) if part[:4] == b"IDAT")
    assert zlib.decompress(body)[0] == 2


def _split(file: bytes) -> list[bytes]:
    """The chunks of a PNG file: name, data, checksum, and the length of the one that follows."""
    chunks, at = [], 8
    while at < len(file):
        length = int.from_bytes(file[at : at + 4], "big")
        chunks.append(file[at + 4 : at + 12 + length] + b"\0" * 4)
        at += 12 + length
    return chunks


@pytest.mark.parametrize("height", [182, 256, 258, 500])
def test_stripes_are_converted_as_the_whole_is(height: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a stripe begins, its rows are those of the picture converted at once."""
    frame = noisy_frame(height, width=64, height=height)
    rgba = np.frombuffer(ENCODERS["rgba"](64, height, 0).encode(frame), np.uint8).reshape(height, 64, 4)
    for cores in (1, 2, 3, 4):
        monkeypatch.setattr("pi_stream.encoders.png.machine_stats.cores", lambda cores=cores: cores)
        with Image.open(io.BytesIO(ENCODERS["png"](64, height, 0).encode(frame))) as picture:
            assert np.array_equal(np.asarray(picture), rgba[..., :3])


def test_conversions_have_no_threads_of_their_own() -> None:
    """A dozen channels are encoded side by side; as many pools of threads that wait would cost memory and turns."""
    frame = noisy_frame(1, width=640, height=360)
    ENCODERS["rgba"](640, 360, 0).encode(frame)  # loads the library
    before = len(list(Path("/proc/self/task").iterdir()))
    encoders = [ENCODERS["rgba"](320, 180, 0) for _ in range(3)]  # png has threads, which end with the frame
    for encoder in encoders:
        encoder.encode(frame)
    assert len(list(Path("/proc/self/task").iterdir())) <= before  # one of an earlier test may just be ending


try:
    turbojpeg.library()
    WITHOUT = ""
except MissingLibrary as error:
    WITHOUT = str(error)
the_systems_library = pytest.mark.skipif(bool(WITHOUT), reason=WITHOUT)


@the_systems_library
@pytest.mark.parametrize("quality", [1, 30, 80, 94, 95, 96, 100])
@pytest.mark.parametrize(("width", "height"), [(2, 2), (16, 16), (18, 34), (320, 180), (1366, 768)])
def test_the_systems_libjpeg_turbo_makes_the_jpegs_of_simplejpeg(quality: int, width: int, height: int) -> None:
    """Where the one is not packaged the other is as good: byte for byte the same files."""
    for frame in (_soft_frame(width, height), noisy_frame(1, width=width, height=height)):
        theirs = simplejpeg.encode_jpeg_yuv_planes(frame.y, frame.u, frame.v, quality)
        assert encode_jpeg_yuv_planes(frame.y, frame.u, frame.v, quality) == theirs


@the_systems_library
@pytest.mark.parametrize("bar", [(76, 85, 255), (150, 44, 21), (29, 255, 107), (255, 128, 128), (0, 128, 128)])
def test_the_systems_libjpeg_turbo_keeps_known_colours(bar: tuple[int, int, int]) -> None:
    """Red, green, blue, white and black come back within 2 of 255."""
    frame = plain_frame(y=bar[0], u=bar[1], v=bar[2])
    with Image.open(io.BytesIO(encode_jpeg_yuv_planes(frame.y, frame.u, frame.v, 80))) as picture:
        assert np.abs(np.asarray(picture).astype(int) - _reference(frame)).max() <= 2


@the_systems_library
def test_planes_that_do_not_fit_never_reach_the_library() -> None:
    """A wrong shape is an error here, not a read past the end there."""
    frame = plain_frame()
    for y, u in ((frame.y, frame.u[1:]), (frame.y[1:], frame.u), (frame.y.T[::2].T, frame.u)):
        with pytest.raises(ValueError, match="expected planes of uint8"):
            encode_jpeg_yuv_planes(y, u, frame.v, 80)
    with pytest.raises(ValueError, match="libjpeg-turbo"):
        encode_jpeg_yuv_planes(frame.y, frame.u, frame.v, 101)


@the_systems_library
def test_without_simplejpeg_the_service_uses_the_systems_library() -> None:
    """A Python that has no simplejpeg encodes and decodes JPEG all the same, and says by what."""
    code = (
        "import sys; sys.modules['simplejpeg'] = None\n"
        "from pi_stream.encoders import ENCODERS, JPEG_BY\n"
        "from pi_stream.client.received_packet import ReceivedPacket\n"
        "from tests.frames import plain_frame\n"
        "data = ENCODERS['jpeg'](64, 64, 80).encode(plain_frame(y=76, u=85, v=255))\n"
        "print(JPEG_BY, *ReceivedPacket('jpeg', data, 64, 64, 0, 0).image()[32, 32])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    *name, red, green, blue = done.stdout.split()
    assert " ".join(name) == "the system's libturbojpeg"
    assert (int(red) > 252, int(green) < 3, int(blue) < 3) == (True, True, True)


def test_without_any_jpeg_library_the_error_says_how_to_install_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both choices with their commands; no traceback of ctypes."""
    monkeypatch.setattr(turbojpeg, "_NAME", "libturbojpeg-of-nobody.so.0")
    turbojpeg.library.cache_clear()
    with pytest.raises(MissingLibrary, match="apt install libturbojpeg0"):
        turbojpeg.library()
    turbojpeg.library.cache_clear()


_TWO_IMPORTS = """
import importlib, sys, threading, time
from pi_stream.encoders.scaling import RgbConverter
from tests.frames import plain_frame

held, goes_on = threading.Event(), threading.Event()

def hold(event, about):
    if event == "import" and about[0].startswith("av.") and threading.current_thread().name == "source":
        held.set()
        assert goes_on.wait(20)

failures = []
threading.excepthook = lambda failure: failures.append(failure.exc_value)
sys.addaudithook(hold)
source = threading.Thread(target=importlib.import_module, args=("pi_stream.sources.convert",), name="source")
source.start()
assert held.wait(20)
encoder = threading.Thread(target=lambda: RgbConverter("rgb24").convert(plain_frame()))
encoder.start()
end = time.monotonic() + 20
while sys._current_frames()[encoder.ident].f_code.co_name != "acquire":  # of importlib: it waits for its turn
    assert time.monotonic() < end
    time.sleep(0.01)
goes_on.set()
source.join(20)
encoder.join(20)
assert not failures, failures
"""


def test_a_first_conversion_and_a_source_may_load_libav_at_once() -> None:
    """A viewer of PNG comes while the camera is opened, on another thread; neither gets half of the library."""
    done = subprocess.run([sys.executable, "-c", _TWO_IMPORTS], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
