"""The picture in a real browser: the right frame, the right colours, in every encoding."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray
from playwright.async_api import Browser

from pi_stream.sources.synthetic import scene
from tests.browser.pages import INSECURE_HOST, burnt_in_seq, open_page, pixels, wait_for_frames, watch
from tests.films import BARS, bars, write_film
from tests.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

ENCODINGS = ["jpeg", "png", "i420", "rgba"]
SIZE = ("camera.width=640", "camera.height=360")
WITHIN = {"jpeg": 6, "png": 3, "i420": 3, "rgba": 3}  # of 255


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    state = tmp_path_factory.mktemp("state")
    async with running(state, *SIZE) as service:
        yield service


@pytest.mark.parametrize("host", ["127.0.0.1", INSECURE_HOST])
@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_the_frame_on_the_canvas_is_the_one_the_page_says(
    browser: Browser, service: Running, encoding: str, host: str
) -> None:
    """The burnt-in number, read from the canvas's pixels, again and again; also over plain http on a LAN."""
    async with open_page(browser, service.url.replace("127.0.0.1", host)) as page:
        assert await page.evaluate("isSecureContext") == (host == "127.0.0.1")
        await watch(page, encoding=encoding)
        seen: set[int] = set()
        for _ in range(5):
            await wait_for_frames(page, f"data.encoding === '{encoding}' && Number(data.seq) > {max(seen, default=0)}")
            burnt_in, said = await burnt_in_seq(page)
            assert burnt_in == said
            seen.add(said)
        assert len(seen) == 5


async def test_the_number_survives_half_size_and_coarse_jpeg(browser: Browser, service: Running) -> None:
    """So that a test on a slow line still knows how old a picture is."""
    async with open_page(browser, service.url) as page:
        await watch(page, encoding="jpeg", quality="30", width="320")
        await wait_for_frames(page, "canvas.width === 320 && canvas.height === 180")
        burnt_in, said = await burnt_in_seq(page)
        assert burnt_in == said


def _measured(picture: NDArray[np.uint8], count: int, row: int) -> list[list[int]]:
    """The mean colour in the middle of each of `count` bars."""
    centres = [int((i + 0.5) * picture.shape[1] / count) for i in range(count)]
    return [[round(c) for c in picture[row - 8 : row + 8, x - 4 : x + 4, :3].mean(axis=(0, 1))] for x in centres]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(("matrix", "full"), [("bt601", False), ("bt709", False), ("bt601", True), ("bt709", True)])
async def test_known_colours_of_a_film_come_back_on_the_canvas(
    browser: Browser, tmp_path: Path, encoding: str, matrix: str, full: bool
) -> None:
    """Whatever matrix and range the film was coded with; black is 0 and white is 255."""
    film = write_film(tmp_path / "bars.mkv", [bars(640, 360)] * 5, matrix=matrix, full=full)
    async with (
        running(tmp_path, f"camera.path={film}", "camera.source=file", *SIZE) as service,
        open_page(browser, service.url) as page,
    ):
        await watch(page, encoding=encoding)
        await wait_for_frames(page, f"data.encoding === '{encoding}'")
        picture = await pixels(page)
    measured = _measured(picture, len(BARS), 180)
    for (name, expected), got in zip(BARS.items(), measured, strict=True):
        assert np.abs(np.subtract(expected, got)).max() <= WITHIN[encoding], f"{name}: {expected} came back as {got}"
    if encoding != "jpeg":
        assert measured[list(BARS).index("black")] == [0, 0, 0]
        assert measured[list(BARS).index("white")] == [255, 255, 255]


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_known_colours_of_the_synthetic_picture_come_back_on_the_canvas(
    browser: Browser, service: Running, encoding: str
) -> None:
    """Its bars are there for exactly that."""
    async with open_page(browser, service.url) as page:
        await watch(page, encoding=encoding)
        await wait_for_frames(page, f"data.encoding === '{encoding}'")
        picture = await pixels(page)
    for (name, expected), got in zip(scene.BARS.items(), _measured(picture, len(scene.BARS), 30), strict=True):
        assert np.abs(np.subtract(expected, got)).max() <= WITHIN[encoding], f"{name}: {expected} came back as {got}"


async def test_without_webgl_planes_are_converted_all_the_same(browser: Browser, service: Running) -> None:
    """A browser that has none, or lost it, shows i420 too."""
    async with open_page(browser, "about:blank") as page:
        await page.add_init_script(
            "for (const kind of [HTMLCanvasElement, OffscreenCanvas]) { const get = kind.prototype.getContext;"
            " kind.prototype.getContext = function (name, ...more)"
            " { return name.startsWith('webgl') ? null : get.call(this, name, ...more); }; }"
        )
        await page.goto(service.url)
        await watch(page, encoding="i420")
        await wait_for_frames(page, "data.encoding === 'i420'")
        burnt_in, said = await burnt_in_seq(page)
        assert burnt_in == said
        assert (await pixels(page))[10, 10].tolist() == [255, 255, 255, 255]
