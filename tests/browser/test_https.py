"""The page by https in a real browser, and what it offers there; and by plain http, where that is not missed."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.pages import INSECURE_HOST, burnt_in_seq, open_page, screenshot, wait_for_frames
from tests.running import Running, free_port, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

OWN = "tls.mode=self-signed"
# Playwright refuses what is not listed, once anything is; browsers allow the last two to a secure page that is pressed.
_PERMISSIONS = ["clipboard-read", "clipboard-write", "screen-wake-lock"]


@asynccontextmanager
async def _secure(browser: Browser, state: Path) -> AsyncIterator[tuple[Running, Page]]:
    """The page by https, of a visitor who has accepted the certificate."""
    async with (
        running(state, OWN) as service,
        open_page(browser, service.url, ignore_https_errors=True, permissions=_PERMISSIONS) as page,
    ):
        yield service, page


async def test_the_picture_is_drawn_and_the_context_is_secure(browser: Browser, tmp_path: Path) -> None:
    """Over wss: what is on the canvas is what the page says that it drew."""
    async with _secure(browser, tmp_path) as (_, page):
        await wait_for_frames(page, "Number(data.seq) > 5")
        read, drawn = await burnt_in_seq(page)
        assert read == drawn
        assert await page.evaluate("() => isSecureContext")
        await expect(page.locator("#status")).to_have_text("Live")


async def test_links_are_copied_by_a_press(browser: Browser, tmp_path: Path) -> None:
    """By the keyboard, too; what is copied is the whole address."""
    async with _secure(browser, tmp_path) as (service, page):
        await page.click("#open-settings")
        await page.get_by_role("button", name="Copy the link to the snapshot").press("Enter")
        await expect(page.locator("#links-result")).to_have_text(f"Copied: {service.url}snapshot.jpg")
        await screenshot(page, "https")
        assert await page.evaluate("() => navigator.clipboard.readText()") == f"{service.url}snapshot.jpg"


async def test_the_screen_is_kept_on_for_who_wants_it(browser: Browser, tmp_path: Path) -> None:
    """From the press to the next one, also after the page was loaded again; one lock at a time."""
    held = """() => {
      globalThis.locks = new Set();
      const request = WakeLock.prototype.request;
      WakeLock.prototype.request = async function (kind) {
        const lock = await request.call(this, kind);
        locks.add(lock);
        lock.addEventListener('release', () => locks.delete(lock));
        return lock;
      };
    }"""
    async with _secure(browser, tmp_path) as (_, page):
        await page.context.add_init_script(f"({held})()")
        for _ in range(2):
            await page.reload()
            await page.click("#open-settings")
            box = page.get_by_label("Keep this screen on")
            await box.check()
            await page.wait_for_function("() => locks.size === 1")
        await box.uncheck()
        await page.wait_for_function("() => locks.size === 0")
        await expect(page.locator("#awake-problem")).to_be_empty()
        await page.reload()
        await page.click("#open-settings")
        await expect(page.get_by_label("Keep this screen on")).not_to_be_checked()
        assert await page.evaluate("() => locks.size") == 0


async def test_plain_http_offers_neither_and_misses_nothing(browser: Browser, tmp_path: Path) -> None:
    """As on a network without TLS: links are links, and no error is told."""
    async with (
        running(tmp_path) as service,
        open_page(browser, service.url.replace("127.0.0.1", INSECURE_HOST)) as page,
    ):
        await wait_for_frames(page)
        assert not await page.evaluate("() => isSecureContext")
        await page.click("#open-settings")
        await expect(page.get_by_role("link", name="Snapshot").last).to_be_visible()
        await expect(page.get_by_label("Keep this screen on")).to_have_count(1)
        await expect(page.get_by_label("Keep this screen on")).to_be_hidden()
        await expect(page.locator("#links button:visible")).to_have_count(0)


async def test_a_page_that_came_by_http_follows_when_the_service_speaks_https(browser: Browser, tmp_path: Path) -> None:
    """At the same port, after a restart; without a press."""
    port = f"server.port={free_port()}"
    async with AsyncExitStack() as stack:
        async with running(tmp_path, port) as service:
            page = await stack.enter_async_context(open_page(browser, service.url, ignore_https_errors=True))
            await wait_for_frames(page)
        async with running(tmp_path, port, OWN) as secure:
            await page.wait_for_url(secure.url)
            await wait_for_frames(page)


async def test_plain_http_leads_to_https_by_way_of_the_explanation(browser: Browser, tmp_path: Path) -> None:
    """The page about the certificate is whole without it; its link leads to the picture."""
    async with running(tmp_path, OWN) as service:
        plain = service.url.replace("https", "http")
        async with open_page(browser, f"{plain}certificate", ignore_https_errors=True) as page:
            fingerprint = await page.locator("#fingerprint").inner_text()
            assert service.context.identity is not None
            assert fingerprint == service.context.identity.certificate.fingerprint
            assert await page.evaluate("() => document.styleSheets.length") == 2
            await screenshot(page, "certificate")
            await page.get_by_role("link", name=service.url).click()
            await wait_for_frames(page)
            assert page.url == service.url
            await page.goto(plain)
            assert page.url == service.url
