"""What the steps of a frame hold up: how long Python elsewhere has to wait for the interpreter while one is done.

    python -m tests.bench.gil [--rounds N]

Each step is done again and again on a thread, while the main thread does nothing but count in Python. For how long the
main thread neither ran nor waited for a core, it waited for the interpreter's lock: that is what the step held up. Both
times are the scheduler's (/proc/thread-self/schedstat), so that other work on the machine is not counted.
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path

import av
import numpy as np
from isal import isal_zlib

from pi_stream.captions.store import CaptionStore
from pi_stream.encoders.jpeg import JpegEncoder
from pi_stream.encoders.png import PngEncoder
from pi_stream.encoders.rgba import RgbaEncoder
from pi_stream.encoders.scaling import RgbConverter
from pi_stream.encoders.turbojpeg import encode_jpeg_yuv_planes
from pi_stream.media.frame import Frame
from pi_stream.overlay import Overlay
from pi_stream.protocol import parse_caption
from pi_stream.sources.convert import Converter
from pi_stream.sources.films.film import laps
from tests.bench.film import FILM, FPS, HEIGHT, WIDTH
from tests.bench.parties import CAPTIONS, QUALITY
from tests.frames import context

_SECONDS = 0.3  # of one measurement


def held_up(step: Callable[[], object]) -> float:
    """Milliseconds for which Python elsewhere waits each time that the step is done."""
    done, stop = 0, threading.Event()

    def work() -> None:
        nonlocal done
        while not stop.is_set():
            step()
            done += 1

    worker = threading.Thread(target=work)
    worker.start()
    before, end = _accounted(), time.monotonic() + _SECONDS
    first = done
    while time.monotonic() < end:
        for _ in range(100):
            pass
    wall, accounted = (after - was for after, was in zip(_accounted(), before, strict=True))
    count = done - first
    stop.set()
    worker.join()
    return max(0.0, wall - accounted) / 1e6 / max(1, count)


def alone(step: Callable[[], object]) -> float:
    """Milliseconds that the step takes where nothing else is done, once it was done."""
    step()  # a clock's text is drawn when its second begins
    began = time.perf_counter()
    step()
    return 1000 * (time.perf_counter() - began)


def _accounted() -> tuple[int, int]:
    """Now, and how long this thread ran or waited for a core; nanoseconds. See Linux' Documentation/scheduler."""
    ran, waited, _ = Path("/proc/thread-self/schedstat").read_text().split()
    return time.monotonic_ns(), int(ran) + int(waited)


def steps(folder: Path) -> Mapping[str, Callable[[], object]]:
    """By name, each on a frame of the film; and, to compare with, what frees the lock for sure and what never does."""
    pictures = [each.frame for each in islice(laps(str(FILM), FPS), 8)]
    convert = Converter(WIDTH, HEIGHT)
    films = [picture for picture in pictures if isinstance(picture, av.VideoFrame)]
    frame = Frame(convert.convert(films[0]), WIDTH, HEIGHT, 0, 0)
    captions, overlay = CaptionStore(folder / "captions.json", len(CAPTIONS)), Overlay()
    drafts = [parse_caption(repr(each).replace("'", '"').encode()) for each in CAPTIONS]
    drawn = tuple(captions.put(draft) for draft in drafts)
    rgb = RgbConverter("rgb24").convert(frame).reshape(HEIGHT, -1)
    filtered = np.empty_like(rgb)
    jpeg, png, rgba = (kind(WIDTH, HEIGHT, QUALITY) for kind in (JpegEncoder, PngEncoder, RgbaEncoder))
    return {
        "a film's picture: colours and size (libavfilter)": lambda: convert.convert(films[1]),
        "two captions blended (numpy)": lambda: overlay.draw(frame, drawn, context),
        "a frame copied (numpy)": frame.data.copy,
        "JPEG by simplejpeg": lambda: jpeg.encode(frame),
        "JPEG by libturbojpeg (ctypes)": lambda: encode_jpeg_yuv_planes(frame.y, frame.u, frame.v, QUALITY),
        "RGB of a frame (swscale)": lambda: RgbConverter("rgb24").convert(frame),
        "PNG's filter (numpy)": lambda: np.subtract(rgb[1:], rgb[:-1], out=filtered[1:]),
        "deflate (isal), as PNG does it": lambda: isal_zlib.compressobj(1, isal_zlib.DEFLATED, -15).compress(filtered),
        "deflate (isal), in one call": lambda: isal_zlib.compress(filtered, 1),
        "a whole PNG": lambda: png.encode(frame),
        "a whole rgba": lambda: rgba.encode(frame),
        "3.7 MB as bytes": rgb.tobytes,
        "to compare: sleep, 2 ms": lambda: time.sleep(0.002),
        "to compare: Python, 20000 turns": lambda: sum(range(20_000)),
    }


def main() -> None:
    """Measure all steps in turn, several times; show the shortest time of each alone, and the median of the waits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        named = steps(Path(folder))
        told: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in named}
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
            for name, step in named.items():
                told[name][0].append(alone(step))
                told[name][1].append(held_up(step))
    print("| step | alone, ms | Python elsewhere waits, ms |\n|---|---|---|")
    for name, (walls, waits) in told.items():
        print(f"| {name} | {min(walls):.2f} | {statistics.median(waits):.2f} |")


if __name__ == "__main__":
    main()
