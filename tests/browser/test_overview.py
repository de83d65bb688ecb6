"""The overview of several cameras: a tile each, one key or click to a camera's page, and Back."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.pages import open_page, wait_for_frames
from tests.running import running

pytestmark = pytest.mark.asyncio(loop_scope="session")

CAMERAS = (
    "camera.name=door",
    "cameras.garden.source=synthetic",
    "cameras.garden.width=320",
    "cameras.garden.height=180",
    "cameras.hall.source=v4l2",
    "cameras.hall.path=/dev/nothing",
)


async def _at_overview(page: Page) -> None:
    await expect(page.locator("#tiles .title")).to_have_text(["Door", "Garden", "Hall"])


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 800}, {"width": 390, "height": 844}], ids=str)
async def test_each_camera_has_a_tile_that_says_how_it_is(
    browser: Browser, tmp_path: Path, viewport: dict[str, int]
) -> None:
    """Names, states, and why one is offline; nothing is wider than the screen."""
    async with (
        running(tmp_path, *CAMERAS) as service,
        open_page(browser, service.url, viewport=viewport) as page,
    ):
        await _at_overview(page)
        await expect(page.locator("#tiles .tile-state")).to_have_text(["Live", "Live", "Offline"])
        await expect(page.locator("#tiles li").nth(2)).to_contain_text("there is no /dev/nothing")
        await expect(page.locator("#status")).to_have_text("3 cameras, 1 offline")
        await page.wait_for_function(
            "[...document.querySelectorAll('#tiles canvas')].slice(0, 2).every(c => c.width > 64)"
        )
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_a_key_and_a_click_open_a_camera_and_back_returns(browser: Browser, tmp_path: Path) -> None:
    """Its page is at its own address, and shows its own picture."""
    async with running(tmp_path, *CAMERAS) as service, open_page(browser, service.url) as page:
        await _at_overview(page)
        await page.keyboard.press("2")
        await expect(page).to_have_url(re.compile(r"/cameras/garden/$"))
        await wait_for_frames(page)
        await expect(page).to_have_title(re.compile("Garden"))
        await page.go_back()
        await _at_overview(page)
        await page.locator("#tiles a").first.click()
        await expect(page).to_have_url(re.compile(r"/cameras/door/$"))
        await wait_for_frames(page)
        await page.keyboard.press("0")
        await _at_overview(page)


async def test_one_camera_has_no_overview(browser: Browser, tmp_path: Path) -> None:
    """The page at the root is the camera's."""
    async with running(tmp_path) as service, open_page(browser, service.url) as page:
        await wait_for_frames(page)
        await expect(page.locator("#tiles")).to_have_count(0)
