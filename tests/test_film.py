"""Real film through the whole line: what comes out of the wire is what went into the source."""

import asyncio
import io
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import av
import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from pi_stream.errors import SourceUnavailable
from pi_stream.media.colour import rgb_from_ycc
from pi_stream.media.encodings import Encoding
from pi_stream.media.frame import Frame, Packet
from pi_stream.protocol import parse_packet
from pi_stream.sources import open_source
from pi_stream.sources.spec import CaptureFormat, SourceSpec
from tests.running import PATIENCE, Running, next_frame, running, say

BUNNY = Path(__file__).parent / "media" / "bunny.mp4"
PERIOD = 40_000  # microseconds between two of its frames


@pytest.fixture(scope="module")
def film() -> dict[bytes, Frame]:
    """Every frame of the clip, as the source itself makes it, by its bytes."""
    with av.open(str(BUNNY)) as container:
        count = sum(1 for _ in container.decode(video=0))
    source = open_source(SourceSpec("file", str(BUNNY), CaptureFormat(1280, 720, 240)), itertools.count())
    found: dict[int, Frame] = {}
    first = 0
    try:
        while len(found) < count:  # on a busy machine some are skipped, and come with the film's next round
            frame = source.read()
            first = first or frame.captured
            found[round((frame.captured - first) / PERIOD) % count] = frame
    except SourceUnavailable as error:
        pytest.fail(f"the clip cannot be read: {error}")
    finally:
        source.close()
    return {found[place].data.tobytes(): found[place] for place in sorted(found)}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Running]:
    settings = ("camera.source=file", f"camera.path={BUNNY}", "camera.width=1280", "camera.height=720")
    async with running(tmp_path, *settings) as service:
        yield service


def _rgb(frame: Frame) -> NDArray[np.uint8]:
    """The frame by the JFIF formulas, with chroma repeated: (height, width, 3)."""
    u, v = (plane.repeat(2, 0).repeat(2, 1) for plane in (frame.u, frame.v))
    return rgb_from_ycc(np.stack([frame.y, u, v], axis=-1))


async def test_planes_come_back_exactly(service: Running, film: dict[bytes, Frame]) -> None:
    """Every i420 payload is, byte for byte, a frame of the film, and they follow each other as in the film."""
    order = {data: place for place, data in enumerate(film)}
    async with service.socket() as connection:
        await say(connection, "watch", accept=["i420"])
        packets = [parse_packet(await next_frame(connection))[0] for _ in range(10)]
    places = [order.get(bytes(packet.data), -1) for packet in packets]
    assert -1 not in places
    for (before, after), (first, second) in zip(itertools.pairwise(packets), itertools.pairwise(places), strict=True):
        assert round((after.captured - before.captured) / PERIOD) % len(order) == (second - first) % len(order)


async def test_every_encoding_shows_the_same_frame(service: Running) -> None:
    """One frame in all four: png and rgba are equal and the formulas' planes within 2, jpeg at 90 is above 35 dB."""

    async def collect(encoding: Encoding, found: dict[int, dict[str, Packet]], complete: asyncio.Event) -> None:
        async with service.socket() as connection:
            await say(connection, "watch", accept=[encoding], quality=90)
            while not complete.is_set():
                packet, _ = parse_packet(await next_frame(connection))
                found.setdefault(packet.seq, {})[encoding] = packet
                if len(found[packet.seq]) == 4:
                    complete.set()

    found: dict[int, dict[str, Packet]] = {}
    complete = asyncio.Event()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        for encoding in ("i420", "png", "rgba", "jpeg"):
            tasks.create_task(collect(encoding, found, complete))
    same = next(packets for packets in found.values() if len(packets) == 4)

    frame = Frame(np.frombuffer(same["i420"].data, np.uint8).copy(), 1280, 720, 0, 0)
    reference = _rgb(frame)
    rgba = np.frombuffer(same["rgba"].data, np.uint8).reshape(720, 1280, 4)
    with Image.open(io.BytesIO(same["png"].data)) as picture:
        png = np.asarray(picture)
    assert np.array_equal(png, rgba[..., :3])
    assert (rgba[..., 3] == 255).all()
    difference = np.abs(png.astype(int) - reference)
    assert difference.max() <= 2
    assert difference.mean() < 0.7

    jpeg = simplejpeg.decode_jpeg(same["jpeg"].data, "RGB")
    error = np.mean((jpeg.astype(float) - reference) ** 2)
    assert 10 * np.log10(255**2 / error) > 35


async def test_a_caption_changes_only_its_place(service: Running, film: dict[bytes, Frame]) -> None:
    """Outside the caption's box the film is still exact."""
    async with service.socket() as connection:
        await say(connection, "caption.put", caption={"text": "█", "x": 0.5, "y": 0.5, "size": 0.1, "anchor": "center"})
        await say(connection, "watch", accept=["i420"])
        frame = Frame(
            np.frombuffer(parse_packet(await next_frame(connection))[0].data, np.uint8).copy(), 1280, 720, 0, 0
        )
    top = {each.y[:200].tobytes(): each for each in film.values()}
    original = top.get(frame.y[:200].tobytes())
    assert original is not None, "the upper part is no frame's of the film"
    changed = np.nonzero(frame.y != original.y)
    assert changed[0].size > 100
    assert changed[0].min() > 720 * 0.35
    assert changed[0].max() < 720 * 0.65
    assert changed[1].min() > 1280 * 0.4
    assert changed[1].max() < 1280 * 0.6
