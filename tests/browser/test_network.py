"""The page on a network that becomes slow and fast again."""

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.browser.pages import open_page, wait_for_frames
from tests.proxy import proxy
from tests.running import running

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_pictures_become_smaller_in_the_same_place_and_large_again(browser: Browser, tmp_path: Path) -> None:
    """As the network allows is what the page asks for; nothing on it moves, and it says what is received."""
    async with (
        running(tmp_path, "camera.width=640", "camera.height=358", "camera.fps=10") as service,
        proxy(service.url) as network,
        open_page(browser, network.url) as page,
    ):
        await wait_for_frames(page, "canvas.width === 640")
        box = await page.locator("#picture").bounding_box()
        network.rate = 60_000
        await wait_for_frames(page, "canvas.width < 640")
        assert await page.locator("#picture").bounding_box() == box
        await page.wait_for_function("watching.textContent.includes(`${picture.width} × `)")
        width = await page.evaluate("picture.width")
        network.rate = None
        await wait_for_frames(page, f"canvas.width > {width}")
        assert await page.locator("#picture").bounding_box() == box
