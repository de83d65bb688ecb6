"""The page as people use it: captions, chat, settings, and a service that comes and goes."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray
from playwright.async_api import Browser, Page, expect

from tests.browser.pages import open_page, pixels, wait_for_frames, watch
from tests.running import PATIENCE, Running, free_port, process, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

BUNNY = Path(__file__).parents[1] / "media" / "bunny.mp4"
FULL = ("camera.width=1280", "camera.height=720")
EVIL = "<img src=x onerror=\"document.title='hacked'\"><b id=evil>x</b>"


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path, "camera.width=640", "camera.height=360") as service:
        yield service


async def _open(page: Page, panel: str) -> None:
    if not await page.locator(f"#panel-{panel}").is_visible():
        await page.click(f"#open-{panel}")


async def _until(page: Page, condition: Callable[[NDArray[np.uint8]], bool]) -> None:
    """Look at one frame after the other on the canvas until the condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition(await pixels(page)):
            seq = await page.evaluate("Number(picture.dataset.seq)")
            await wait_for_frames(page, f"Number(data.seq) > {seq}")


def _green(picture: NDArray[np.uint8]) -> float:
    """How much of the place of the test's caption is green."""
    return float((np.abs(picture[100:120, 20:120, :3].astype(int) - (0, 255, 0)) < 8).all(axis=2).mean())


async def test_a_caption_typed_in_one_page_is_on_the_picture_in_another(browser: Browser, service: Running) -> None:
    """Its pixels are there, in its colour, at its place; edited they change; deleted they are gone."""
    async with open_page(browser, service.url) as one, open_page(browser, service.url) as other:
        await watch(other, encoding="png")
        await wait_for_frames(other, "data.encoding === 'png'")
        assert _green(await pixels(other)) < 0.01

        await wait_for_frames(one)  # it is connected, so that what is typed is sent
        await _open(one, "captions")
        await one.fill("#caption-form [name=text]", "██████████")
        await one.fill("#caption-form [name=x]", "2")
        await one.fill("#caption-form [name=y]", "27")
        await one.fill("#caption-form [name=color]", "#00ff00")
        await one.click("#caption-form [type=submit]")
        await _until(other, lambda picture: _green(picture) > 0.5)

        caption = one.locator("#captions li")
        await expect(caption).to_have_count(1)
        await caption.get_by_role("button", name="Edit").click()
        await one.fill("#caption-form [name=color]", "#ff0000")
        await one.click("#caption-form [type=submit]")
        await _until(other, lambda picture: _green(picture) < 0.01)
        assert [each.color for each in service.stream.captions.all] == ["#ff0000"]

        await caption.get_by_role("button", name="Delete").click()
        await expect(caption).to_have_count(0)
        assert service.stream.captions.all == ()


async def test_what_is_wrong_with_a_caption_stands_beside_the_form(browser: Browser, service: Running) -> None:
    """The service's own words, and the text is not lost."""
    async with open_page(browser, service.url) as page:
        await _open(page, "captions")
        await page.fill("#caption-form [name=text]", "now {tmie}")
        await page.click("#caption-form [type=submit]")
        await expect(page.locator("#caption-problem")).to_contain_text("tmie")
        await expect(page.locator("#caption-form [name=text]")).to_have_value("now {tmie}")
    assert service.stream.captions.all == ()


async def test_text_of_others_is_only_ever_text(browser: Browser, service: Running) -> None:
    """A caption, a name and a line of the chat that look like HTML are shown as they were written."""
    async with open_page(browser, service.url) as one, open_page(browser, service.url) as other:
        await _open(one, "captions")
        await one.fill("#caption-form [name=text]", EVIL)
        await one.click("#caption-form [type=submit]")
        await _open(one, "chat")
        await one.fill("#name-form [name=name]", EVIL)
        await one.click("#name-form [type=submit]")
        await one.fill("#chat-form [name=text]", EVIL)
        await one.click("#chat-form [type=submit]")

        await _open(other, "chat")
        await expect(other.locator("#chat")).to_contain_text(EVIL)
        await expect(other.locator("#viewers")).to_contain_text(EVIL)
        await _open(other, "captions")
        await expect(other.locator("#captions")).to_contain_text(EVIL)
        assert await other.locator("#evil").count() == 0
        assert "hacked" not in await other.title()


@pytest.mark.parametrize("part", ["viewers.js", "main.js", "base.css"])
async def test_a_page_that_lost_a_part_of_itself_on_the_way_loads_again(
    browser: Browser, service: Running, part: str
) -> None:
    """As when the network changes at that moment: nobody has to know that a reload helps."""
    async with open_page(browser, "about:blank") as page:
        await page.route(f"**/{part}", lambda route: route.abort("internetdisconnected"), times=1)
        await page.goto(service.url)
        await page.wait_for_function("() => document.body && getComputedStyle(document.body).margin === '0px'")
        await wait_for_frames(page)


async def test_what_loading_again_did_not_help_is_tried_again_but_seldom(browser: Browser, service: Running) -> None:
    """Two seconds after the first loss, fifteen after each later one: many such pages must not keep a service busy."""
    losses: asyncio.Queue[None] = asyncio.Queue()
    async with open_page(browser, "about:blank") as page:
        await page.expose_function("tellOfLoss", lambda: losses.put_nowait(None))
        await page.add_init_script("window.own = performance;")
        await page.clock.install(time=0)
        await page.clock.pause_at(1000)  # the page's time stands still but where it is moved
        await page.add_init_script(
            "performance.getEntriesByType = (kind) => own.getEntriesByType(kind);"  # Playwright's clock has none
            "window.reloads = 0; navigation.addEventListener('navigate', () => { reloads += 1; });"
            "addEventListener('error', () => tellOfLoss(), true);"
        )
        await page.route("**/main.js", lambda route: route.abort("internetdisconnected"))
        await page.goto(service.url)
        for patience, helps in ((2000, False), (15_000, False), (15_000, True)):
            await asyncio.wait_for(losses.get(), PATIENCE)
            await page.clock.fast_forward(patience - 1)
            assert await page.evaluate("reloads") == 0
            if helps:
                await page.unroute("**/main.js")
            await page.clock.fast_forward(1)
        await page.clock.resume()
        await wait_for_frames(page)


async def test_the_page_survives_a_restart_of_the_service(browser: Browser, tmp_path: Path) -> None:
    """It says that it lost it, comes back by itself, and the captions are still there."""
    port = f"server.port={free_port()}"
    async with process(tmp_path, port) as first, open_page(browser, first.url) as page:
        await _open(page, "captions")
        await page.fill("#caption-form [name=text]", "still here")
        await page.click("#caption-form [type=submit]")
        await expect(page.locator("#captions li")).to_have_count(1)
        await wait_for_frames(page)
        await expect(page.locator("#status")).to_contain_text("Live")
        assert await first.stop(signal.SIGTERM) == 0
        await expect(page.locator("#notice")).to_be_visible()
        await expect(page.locator("#status")).not_to_contain_text("Live")
        before = await page.evaluate("Number(picture.dataset.captured)")
        async with process(tmp_path, port):
            await wait_for_frames(page, f"Number(data.captured) > {before}")
            await expect(page.locator("#status")).to_contain_text("Live")
            await expect(page.locator("#notice")).to_be_hidden()
            await expect(page.locator("#captions li")).to_have_count(1)
            await expect(page.locator("#captions")).to_contain_text("still here")


async def test_what_is_sent_while_the_connection_closes_is_told_as_lost(browser: Browser, service: Running) -> None:
    """A websocket that is closing takes nothing any more, before the page was told that it is closed."""
    async with open_page(browser, service.url) as page:
        await page.add_init_script(
            "WebSocket = class extends WebSocket { constructor(...a) { super(...a); window.last = this; } }"
        )
        await page.reload()
        await wait_for_frames(page)
        await _open(page, "captions")
        await page.fill("#caption-form [name=text]", "too late")
        await page.evaluate("() => { last.close(); document.querySelector('#caption-form [type=submit]').click(); }")
        await expect(page.locator("#caption-problem")).to_contain_text("lost before the camera replied")
        await expect(page.locator("#caption-form [name=text]")).to_have_value("too late")
    assert service.stream.captions.all == ()


async def test_without_a_source_the_page_says_why(browser: Browser, tmp_path: Path) -> None:
    """In the picture, and beside it."""
    async with (
        running(tmp_path, "camera.source=v4l2", "camera.path=/dev/video77") as service,
        open_page(browser, service.url) as page,
    ):
        await wait_for_frames(page, "data.offline === 'true'")
        await expect(page.locator("#status")).not_to_contain_text("Live")
        await expect(page.locator("body")).to_contain_text("/dev/video77")


async def test_settings_are_taken_and_remembered(browser: Browser, service: Running) -> None:
    """After a reload the pictures are as they were chosen."""
    async with open_page(browser, service.url) as page:
        await watch(page, encoding="png", width="320", fps="10")
        await wait_for_frames(page, "data.encoding === 'png' && canvas.width === 320")
        await page.reload()
        await wait_for_frames(page, "data.encoding === 'png' && canvas.width === 320")
        assert [str(channel.settings) for channel in service.stream.hub.channels] == ["png 320x180"]


async def test_the_numbers_live(browser: Browser, service: Running) -> None:
    """fps, age, dropped and bytes are numbers, and the rate is that of the source."""
    async with open_page(browser, service.url) as page:
        await page.wait_for_function("() => Number(fps.value) > 20 && age.value !== '' && Number(bytes.value) > 1000")
        await expect(page.locator("#dropped")).not_to_have_text("–")


async def test_everything_can_be_done_with_the_keyboard(browser: Browser, service: Running) -> None:
    """A caption is written without touching anything else, and Escape closes the panel."""
    async with open_page(browser, service.url) as page:
        await wait_for_frames(page)
        await page.keyboard.press("c")
        await expect(page.locator("#caption-form [name=text]")).to_be_focused()
        await page.keyboard.type("by hand, s and f too")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#captions li")).to_have_count(1)
        await page.keyboard.press("Escape")
        await expect(page.locator("#panel-captions")).to_be_hidden()
    assert [caption.text for caption in service.stream.captions.all] == ["by hand, s and f too"]


@pytest.mark.parametrize("panel", ["captions", "chat", "settings", "doctor"])
async def test_nothing_sticks_out_on_a_phone(browser: Browser, service: Running, panel: str) -> None:
    """No sideways scrolling, and the picture stays in sight."""
    async with open_page(browser, service.url, viewport={"width": 360, "height": 740}) as page:
        await wait_for_frames(page)
        await _open(page, panel)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        box = await page.locator("#picture").bounding_box()
        assert box is not None
        assert box["width"] > 150
        assert box["y"] >= 0


async def test_the_picture_of_the_page_for_the_readme(browser: Browser, tmp_path: Path) -> None:
    """Film with captions in several scripts. PI_STREAM_SCREENSHOT names the file where it is kept."""
    keep = os.environ.get("PI_STREAM_SCREENSHOT")
    async with (
        running(
            tmp_path, f"camera.path={BUNNY}", "camera.source=file", "camera.width=1280", "camera.height=720"
        ) as service,
        open_page(browser, service.url, viewport={"width": 1280, "height": 800}, color_scheme="dark") as page,
    ):
        await _open(page, "captions")
        for text, anchor in (("Meadow  {time:%H:%M}", "top-left"), ("日本語 · عربي · नमस्ते 🐰", "bottom-left")):
            await page.fill("#caption-form [name=text]", text)
            await page.check(f"#caption-form [name=anchor][value={anchor}]")
            await page.click("#caption-form [type=submit]")
            await expect(page.locator("#captions")).to_contain_text(text.split("{")[0].strip())
        await page.wait_for_function("() => Number(fps.value) > 20")
        seq = await page.evaluate("Number(picture.dataset.seq)")
        await wait_for_frames(page, f"Number(data.seq) > {seq + 10}")
        shot = await page.screenshot(path=keep or tmp_path / "page.jpg", type="jpeg", quality=88)
    assert len(shot) > 50_000
