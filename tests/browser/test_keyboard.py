"""Where the keyboard is after what it was on has gone: in a place to go on from, and never taken away by others."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from pi_stream.captions.caption import CaptionDraft
from tests.browser.pages import open_page, wait_for_frames
from tests.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT = "#caption-form [name=text]"


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as service:
        yield service


async def _captions(page: Page, service: Running, *texts: str) -> None:
    """Put these on the picture, and open their panel."""
    for text in texts:
        service.stream.captions.put(CaptionDraft(id=text, text=text))
    await wait_for_frames(page)
    await page.keyboard.press("c")
    await expect(page.locator("#captions li")).to_have_count(len(texts))


async def _delete_elsewhere(page: Page, service: Running, id: str) -> None:  # noqa: A002 - it is the field's name
    service.stream.captions.delete(id)
    await expect(page.locator(f"#captions [data-id={id}]")).to_have_count(0)


async def test_escape_on_the_dashed_text_leads_back_to_the_button(browser: Browser, service: Running) -> None:
    """As it does from within the panel."""
    async with open_page(browser, service.url) as page:
        await _captions(page, service)
        await page.keyboard.type("moved")
        await page.focus("#preview")
        await page.keyboard.press("Escape")
        await expect(page.locator("#open-captions")).to_be_focused()


async def test_after_a_caption_is_deleted_the_next_one_and_at_last_the_text_is_at_hand(
    browser: Browser, service: Running
) -> None:
    """By the keyboard alone."""
    async with open_page(browser, service.url) as page:
        await _captions(page, service, "one", "two")
        await page.get_by_role("button", name="Delete one").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Edit two")).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("#captions li")).to_have_count(0)
        await expect(page.locator(TEXT)).to_be_focused()


async def test_cancel_leads_to_the_text(browser: Browser, service: Running) -> None:
    """The button itself is gone."""
    async with open_page(browser, service.url) as page:
        await _captions(page, service, "one")
        await page.get_by_role("button", name="Edit one").click()
        await page.focus("#caption-form [type=reset]")
        await page.keyboard.press("Enter")
        await expect(page.locator("#caption-form [type=reset]")).to_be_hidden()
        await expect(page.locator(TEXT)).to_be_focused()


async def test_what_others_change_leaves_the_keyboard_where_it_is(browser: Browser, service: Running) -> None:
    """On the same button of a caption that somebody else edited, and of one after another that is gone."""
    async with open_page(browser, service.url) as page:
        await _captions(page, service, "one", "two", "three")
        await page.get_by_role("button", name="Delete two").focus()
        service.stream.captions.put(CaptionDraft(id="two", text="two!"))
        await expect(page.get_by_role("button", name="Delete two!")).to_be_focused()
        await _delete_elsewhere(page, service, "one")
        await expect(page.get_by_role("button", name="Delete two!")).to_be_focused()
        await _delete_elsewhere(page, service, "two")
        await expect(page.get_by_role("button", name="Edit three")).to_be_focused()


async def test_what_others_delete_takes_no_keyboard_that_is_nowhere(browser: Browser, service: Running) -> None:
    """The list would come into sight, and the next key press a button of it."""
    async with open_page(browser, service.url) as page:
        await _captions(page, service, "one", "two")
        await page.evaluate("document.activeElement.blur()")
        await _delete_elsewhere(page, service, "one")
        assert await page.evaluate("document.activeElement === document.body")


async def test_a_button_that_waits_for_its_answer_keeps_the_keyboard(browser: Browser, service: Running) -> None:
    """One that is disabled would not."""
    async with open_page(browser, service.url) as page:
        await wait_for_frames(page)
        await page.click("#open-chat")
        await page.fill("#name-form [name=name]", "Aki")
        await page.focus("#name-form button")
        await page.keyboard.press("Enter")
        await expect(page.locator("#viewers")).to_contain_text("Aki")
        await expect(page.locator("#name-form button")).to_be_focused()
