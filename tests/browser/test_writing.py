"""Writing captions and lines of the chat: what is seen before they are sent, while, and after."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from pi_stream.captions.caption import CaptionDraft
from pi_stream.captions.fields import FIELD_INFOS
from tests.browser.pages import PATIENCE, open_page, pixels, screenshot, wait_for_frames, watch
from tests.proxy import proxy
from tests.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT = "#caption-form [name=text]"
LONG = "A very long caption that goes on and on and on until it is certainly wider than the picture itself, really"
DESK = {"width": 1280, "height": 800}


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path, "camera.width=640", "camera.height=360") as service:
        yield service


async def _draft(page: Page) -> tuple[float, float, float, float]:
    """Left, top, width and height of the dashed text, as fractions of the picture."""
    box, view = [await page.locator(each).bounding_box() for each in ("#preview", "#view")]
    assert box is not None
    assert view is not None
    return (
        (box["x"] - view["x"]) / view["width"],
        (box["y"] - view["y"]) / view["height"],
        box["width"] / view["width"],
        box["height"] / view["height"],
    )


async def _green(page: Page) -> tuple[float, float, float, float]:
    """The same of the only light green on the picture, once it is there."""
    async with asyncio.timeout(PATIENCE / 1000):
        while True:
            picture = (await pixels(page))[..., :3].astype(int)
            where = np.argwhere((np.abs(picture - (160, 255, 80)) < 30).all(axis=2))
            if len(where) > 200:
                (top, left), (bottom, right) = where.min(axis=0), where.max(axis=0) + 1
                height, width = picture.shape[:2]
                return left / width, top / height, (right - left) / width, (bottom - top) / height
            await wait_for_frames(page, f"Number(data.seq) > {await page.evaluate('Number(picture.dataset.seq)')}")


async def test_each_field_of_the_service_has_a_button_that_inserts_it(browser: Browser, service: Running) -> None:
    """Where the cursor is, and the keyboard goes on there."""
    async with open_page(browser, service.url, viewport=DESK) as page:
        await page.keyboard.press("c")
        buttons = page.locator("#caption-fields button")
        await expect(buttons).to_have_text([info.title for info in FIELD_INFOS])
        await page.fill(TEXT, "at  it is")
        await page.locator(TEXT).evaluate("(text) => text.setSelectionRange(3, 3)")
        await buttons.get_by_text("Date", exact=True).click()
        await page.keyboard.type("!")
        await expect(page.locator(TEXT)).to_have_value("at {time:%Y-%m-%d}! it is")


@pytest.mark.parametrize("anchor", ["top-left", "top", "right", "bottom"])
async def test_the_dashed_text_is_what_will_be_on_the_picture(browser: Browser, service: Running, anchor: str) -> None:
    """A long one is broken where the service breaks it, whose letters are nearly as wide; and the next goes past it."""
    async with open_page(browser, service.url, viewport=DESK) as page:
        await watch(page, encoding="png", quality="", width="")
        await page.click("#open-captions")
        await page.fill("#caption-form [name=background]", "#a0ff50")
        await page.fill("#caption-form [name=opacity]", "100")
        await page.check(f"#caption-form [name=anchor][value={anchor}]")
        await page.fill(TEXT, LONG)
        draft = await _draft(page)
        await screenshot(page, f"draft-{anchor}")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator(TEXT)).to_have_value("")
        put = await _green(page)
        assert draft[:2] == pytest.approx(put[:2], abs=0.06)
        assert draft[2] == pytest.approx(put[2], abs=0.05)  # its letters come in whole pixels
        assert draft[3] == pytest.approx(put[3], abs=0.02)
        await page.fill(TEXT, "the next one")
        after = await _draft(page)
        await screenshot(page, f"draft-{anchor}-next")
        assert after[1] >= put[1] + put[3] - 0.02 or after[1] + after[3] <= put[1] + 0.02


async def test_a_long_text_is_moved_by_the_arrow_keys_as_far_as_they_say(browser: Browser, service: Running) -> None:
    """One that was taken to be wider than the picture jumped to its edge."""
    async with open_page(browser, service.url, viewport=DESK) as page:
        await wait_for_frames(page)
        await page.keyboard.press("c")
        await page.keyboard.type(LONG)
        left, top, *_ = await _draft(page)
        await page.focus("#preview")
        await page.keyboard.press("ArrowDown")
        moved = await _draft(page)
        assert moved[:2] == pytest.approx((left, top + 0.01), abs=0.005)


async def test_what_is_typed_while_a_caption_is_on_its_way_stays(browser: Browser, service: Running) -> None:
    """On a slow line, where a second press adds no second caption."""
    async with proxy(service.url) as network, open_page(browser, network.url) as page:
        await wait_for_frames(page)
        await page.keyboard.press("c")
        await page.keyboard.type("first")
        network.flows.clear()
        await page.keyboard.press("Control+Enter")
        await page.keyboard.press("Control+Enter")
        await page.keyboard.type(", and more")
        await asyncio.sleep(0.3)
        await expect(page.locator(TEXT)).to_have_value("first, and more")
        network.flows.set()
        await expect(page.locator("#captions li")).to_have_count(1)
        await page.wait_for_function(
            "() => document.querySelector('#caption-form [type=submit]').ariaDisabled === null"
        )
        await expect(page.locator(TEXT)).to_have_value("first, and more")
        await expect(page.locator(TEXT)).to_be_focused()
    assert [each.text for each in service.stream.captions.all] == ["first"]


async def test_keys_that_are_held_down_send_once(browser: Browser, service: Running) -> None:
    """Holding Ctrl+Enter, and pressing Enter twice in the chat."""
    async with proxy(service.url) as network, open_page(browser, network.url) as page:
        await wait_for_frames(page)
        await page.keyboard.press("c")
        await page.keyboard.type("held")
        await page.keyboard.down("Control")
        for _ in range(3):
            await page.keyboard.down("Enter")  # from the second on it is a repeat
            await asyncio.sleep(0.1)
        await page.keyboard.up("Enter")
        await page.keyboard.up("Control")
        await expect(page.locator("#captions li")).to_have_count(1)
        assert await page.evaluate("document.querySelector('#caption-form [name=text]').validity.valueMissing")
        await page.click("#open-chat")
        await page.fill("#chat-form [name=text]", "once")
        network.flows.clear()
        for _ in range(2):
            await page.keyboard.press("Enter")
        network.flows.set()
        await expect(page.locator("#chat-form [name=text]")).to_have_value("")
        await page.fill("#chat-form [name=text]", "and then")
        await page.keyboard.press("Enter")
        await expect(page.locator("#chat .what").last).to_have_text("and then")
        assert await page.locator("#chat .what").all_text_contents() == ["once", "and then"]
    assert [each.text for each in service.stream.captions.all] == ["held"]


async def test_a_caption_that_is_changed_on_while_it_is_saved_goes_on_being_changed(
    browser: Browser, service: Running
) -> None:
    """Not a second caption, and not lost."""
    service.stream.captions.put(CaptionDraft(text="one"))
    async with proxy(service.url) as network, open_page(browser, network.url) as page:
        await wait_for_frames(page)
        await page.click("#open-captions")
        await page.get_by_role("button", name="Edit one").click()
        await page.keyboard.press("End")
        await page.keyboard.type(" two")
        network.flows.clear()
        await page.keyboard.press("Control+Enter")
        await page.keyboard.type(" three")
        network.flows.set()
        await expect(page.locator("#captions .text")).to_have_text("one two")
        await expect(page.locator("#caption-form [type=submit]")).to_have_text("Save")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#captions .text")).to_have_text("one two three")
        await expect(page.locator("#caption-form [type=submit]")).to_have_text("Add caption")
    assert [each.text for each in service.stream.captions.all] == ["one two three"]


async def test_what_is_written_from_right_to_left_is_so_while_it_is_written(browser: Browser, service: Running) -> None:
    """In the fields and on the picture, each line by its own script."""
    async with open_page(browser, service.url, viewport=DESK) as page:
        await wait_for_frames(page)
        await page.click("#open-captions")
        await page.fill(TEXT, "مرحبا بالعالم! (abc)")
        await screenshot(page, "draft-arabic")
        direction = "(element) => getComputedStyle(element).direction"
        for field in (TEXT, "#preview"):
            assert await page.locator(field).evaluate(direction) == "rtl"
        await page.click("#open-chat")
        for field in ("#name-form [name=name]", "#chat-form [name=text]"):
            await page.fill(field, "שלום!")
            assert await page.locator(field).evaluate(direction) == "rtl"
            await page.fill(field, "hello!")
            assert await page.locator(field).evaluate(direction) == "ltr"


async def test_a_caption_that_goes_by_itself_says_when(browser: Browser, service: Running) -> None:
    """Counting down where that is known; a page that came later is told only for how long it is there in all."""
    async with open_page(browser, service.url) as page:
        await wait_for_frames(page)
        await page.keyboard.press("c")
        service.stream.captions.put(CaptionDraft(text="soon", ttl=30))
        about = page.locator("#captions .about")
        await expect(about).to_contain_text(re.compile("(30|2[0-9]) s left"))
        told = await about.text_content()
        await expect(about).not_to_have_text(str(told))
        await expect(about).to_contain_text(re.compile("2[0-9] s left"))
        async with open_page(browser, service.url) as late:
            await wait_for_frames(late)
            await late.keyboard.press("c")
            await expect(late.locator("#captions .about")).to_contain_text("shown for 30 s")
