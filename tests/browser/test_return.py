"""A connection that is lost, refused, and comes back: what the page says of it is true when it is read."""

import signal
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.pages import open_page, screenshot, wait_for_frames
from tests.running import free_port, process, running

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_page_too_many_is_told_that_the_camera_answers(browser: Browser, tmp_path: Path) -> None:
    """And comes in by itself when there is room."""
    async with running(tmp_path, "stream.max_viewers=1") as service, open_page(browser, "about:blank") as page:
        async with open_page(browser, service.url) as first:
            await wait_for_frames(first)
            context = await browser.new_context()  # not open_page: the browser grumbles about each refusal
            try:
                late = await context.new_page()
                await late.goto(service.url)
                await expect(late.locator("#notice")).to_contain_text("The camera answers but refuses this page")
                await screenshot(late, "too-many")
            finally:
                await context.close()
        await page.goto(service.url)
        await wait_for_frames(page)
        await expect(page.locator("#notice")).to_be_hidden()


async def test_a_camera_that_is_away_is_told_as_away_and_can_be_tried_by_the_keyboard(
    browser: Browser, tmp_path: Path
) -> None:
    """The button stays while it is being tried, and so does the keyboard."""
    async with process(tmp_path) as service, open_page(browser, service.url) as page:
        await wait_for_frames(page)
        assert await service.stop(signal.SIGTERM) == 0
        await page.wait_for_function(
            "() => countdown.textContent !== '' && Number(countdown.textContent.match(/[0-9]+/)) > 1"
        )
        await expect(page.locator("#notice")).to_contain_text("The connection was lost")
        seen = "new MutationObserver(() => { globalThis.hid ||= document.getElementById('try-now').hidden; })"
        await page.evaluate(f"{seen}.observe(document.getElementById('notice'), {{ attributes: true, subtree: true }})")
        await page.focus("#try-now")
        for _ in range(3):
            await page.keyboard.press("Enter")
            await page.wait_for_timeout(300)
        await expect(page.locator("#try-now")).to_be_focused()
        assert not await page.evaluate("globalThis.hid")
        await expect(page.locator("#notice")).not_to_contain_text("answers but")


async def test_what_was_true_without_a_connection_goes_when_it_is_back(browser: Browser, tmp_path: Path) -> None:
    """That there is none, and that the doctor did not answer; and no name is told but one that was set."""
    port = f"server.port={free_port()}"
    async with process(tmp_path, port) as first, open_page(browser, first.url) as page:
        await wait_for_frames(page)
        await page.click("#open-chat")
        await page.fill("#name-form [name=name]", "Aki")
        await page.click("#name-form button")
        await expect(page.locator("#viewers")).to_contain_text("Aki")
        await page.click("#open-captions")
        await page.fill("#caption-form [name=text]", "there")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#captions li")).to_have_count(1)

        assert await first.stop(signal.SIGTERM) == 0
        await expect(page.locator("#status")).not_to_contain_text("Live")
        await page.click("#captions >> text=Delete")
        await page.click("#open-chat")
        await page.fill("#name-form [name=name]", "Aki Mus")
        await page.fill("#chat-form [name=text]", "are you there")
        await page.keyboard.press("Enter")
        for problem in ("#chat-problem", "#captions-problem"):
            await expect(page.locator(problem)).to_contain_text("Not connected")
        await page.click("#open-doctor")
        await expect(page.locator("#doctor-summary")).to_contain_text("did not answer")

        async with process(tmp_path, port):
            await expect(page.locator("#status")).to_contain_text("Live")
            await expect(page.locator("#doctor-summary")).not_to_contain_text("did not answer")
            await expect(page.locator("#doctor-passed")).to_be_visible()
            for problem in ("#chat-problem", "#captions-problem"):
                await expect(page.locator(problem)).to_be_empty()
            await page.click("#open-chat")
            await expect(page.locator("#viewers bdi")).to_have_text("Aki")
            await expect(page.locator("#name-form [name=name]")).to_have_value("Aki Mus")
            await expect(page.locator("#chat-form [name=text]")).to_have_value("are you there")
