"""Logging in, and a page that offers what may be done, in a real browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from pi_stream.auth import store
from pi_stream.auth.credentials import Credentials
from pi_stream.auth.passwords import hash_password
from tests.browser.pages import INSECURE_HOST, open_page, screenshot, wait_for_frames
from tests.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

PASSWORD = "change everything"  # noqa: S105 - of a service that lives as long as its test
PHONE = {"width": 360, "height": 740}


def _set(folder: Path, password: str = PASSWORD) -> None:
    kept = store.load(folder / store.NAME) or Credentials()
    store.save(folder / store.NAME, kept.with_password("control", hash_password(password, n=2)))


@pytest_asyncio.fixture(loop_scope="session")
async def locked(tmp_path: Path) -> AsyncIterator[Running]:
    _set(tmp_path)
    async with running(tmp_path, "auth.mode=password") as service:
        yield service


@pytest_asyncio.fixture(loop_scope="session")
async def looking(tmp_path: Path) -> AsyncIterator[Running]:
    _set(tmp_path)
    async with running(tmp_path, "auth.mode=password", "auth.view=open") as service:
        yield service


async def _log_in(page: Page, password: str = PASSWORD) -> None:
    await page.fill("[name=password]", password)
    await page.keyboard.press("Enter")


@pytest.mark.parametrize("host", ["127.0.0.1", INSECURE_HOST])
async def test_who_may_not_look_logs_in_and_then_sees_the_picture(browser: Browser, locked: Running, host: str) -> None:
    """The page's address leads to the form, and back; with the keyboard alone."""
    async with open_page(browser, locked.url.replace("127.0.0.1", host)) as page:
        await expect(page).to_have_title("Log in · pi-stream")
        await expect(page.locator("[name=password]")).to_be_focused()
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await wait_for_frames(page)
        await expect(page.locator("#status")).to_contain_text("Live")
        await page.keyboard.press("c")
        await page.keyboard.type("hello")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("#captions li")).to_have_count(1)
        await page.reload()
        await wait_for_frames(page)
        await expect(page.locator("#login")).to_be_hidden()
        await page.click("#logout")
        await expect(page).to_have_title("Log in · pi-stream")
        await page.goto(page.url.replace("login", ""))
        await expect(page).to_have_title("Log in · pi-stream")


async def test_a_wrong_password_is_told_and_the_form_works_without_scripts(browser: Browser, locked: Running) -> None:
    """On a phone, too."""
    context = await browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    try:
        page = await context.new_page()
        await page.goto(locked.url)
        await _log_in(page, "not this one")
        await expect(page.get_by_role("alert")).to_have_text("This password is not right.")
        await screenshot(page, "login-phone")
        await _log_in(page)
        await expect(page).to_have_url(locked.url)
        await expect(page.locator("#picture")).to_be_attached()
    finally:
        await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_form_on_a_large_screen(browser: Browser, locked: Running, scheme: str) -> None:
    """In the page's colours, in the middle, and nothing sticks out."""
    context = await browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    try:
        page = await context.new_page()
        await page.goto(locked.url)
        await screenshot(page, f"login-{scheme}")
        box = await page.locator("main").bounding_box()
        assert box is not None
        assert abs(box["x"] + box["width"] / 2 - 640) < 2
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    finally:
        await context.close()


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 800}, PHONE])
async def test_who_may_only_look_is_offered_no_more_and_told_why(
    browser: Browser, looking: Running, viewport: dict[str, int]
) -> None:
    """No form that would be refused; one link leads to the login, and from there back to all of it."""
    async with open_page(browser, looking.url, viewport=viewport) as page:
        await wait_for_frames(page)
        await page.click("#open-captions")
        for name in ("#caption-form", "#preview"):
            await expect(page.locator(name)).to_be_hidden()
        await expect(page.locator("#panel-captions")).to_contain_text("You can view, but not change anything.")
        await screenshot(page, f"looking-captions-{viewport['width']}")
        await page.click("#open-chat")
        for name in ("#chat-form", "#name-form"):
            await expect(page.locator(name)).to_be_hidden()
        await screenshot(page, f"looking-chat-{viewport['width']}")
        await expect(page.locator("#logout")).to_be_hidden()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await page.click("#login")
        await expect(page.locator("body")).to_contain_text("Log in to make changes.")
        await _log_in(page)
        await wait_for_frames(page)
        await page.click("#open-captions")
        await expect(page.locator("#caption-form")).to_be_visible()
        await expect(page.locator("#panel-captions .locked")).to_be_hidden()
        await screenshot(page, f"control-captions-{viewport['width']}")
        await expect(page.locator("#logout")).to_be_visible()


async def test_the_keyboard_finds_the_way_to_the_login(browser: Browser, looking: Running) -> None:
    """Where the form would have had it, and a name that was kept from before is not sent."""
    async with open_page(browser, looking.url) as page:
        await wait_for_frames(page)
        await page.evaluate("localStorage.setItem('pi-stream.name', '\"Aki\"')")
        await page.reload()
        await wait_for_frames(page)
        await page.keyboard.press("c")
        await expect(page.locator("#panel-captions .locked a")).to_be_focused()
        await expect(page.locator("#problem")).to_be_hidden()
        await page.keyboard.press("Enter")
        await expect(page.locator("[name=password]")).to_be_focused()


async def test_a_new_password_sends_the_open_page_to_the_login(
    browser: Browser, locked: Running, tmp_path: Path
) -> None:
    """By itself, within a few seconds; where looking is open, it goes on and offers less."""
    async with open_page(browser, locked.url) as page:
        await _log_in(page)
        await wait_for_frames(page)
        _set(tmp_path, "another one now")
        await expect(page).to_have_title("Log in · pi-stream")
        await _log_in(page, "another one now")
        await wait_for_frames(page)


async def test_a_page_that_may_only_look_from_now_on_goes_on(
    browser: Browser, looking: Running, tmp_path: Path
) -> None:
    """Its forms go, its picture stays."""
    async with open_page(browser, f"{looking.url}login") as page:
        await _log_in(page)
        await wait_for_frames(page)
        await page.click("#open-captions")
        await expect(page.locator("#caption-form")).to_be_visible()
        _set(tmp_path, "another one now")
        await expect(page.locator("#caption-form")).to_be_hidden(timeout=20_000)
        await expect(page.locator("#status")).to_contain_text("Live")


async def test_where_all_is_open_nobody_is_offered_a_login(browser: Browser, tmp_path: Path) -> None:
    """The page is as it was."""
    async with running(tmp_path) as service, open_page(browser, service.url) as page:
        await wait_for_frames(page)
        await expect(page.locator("#login")).to_be_hidden()
        await expect(page.locator("#logout")).to_be_hidden()


async def test_who_logs_out_is_out_in_every_tab(browser: Browser, looking: Running) -> None:
    """One that went on as before would write for whoever comes next."""
    context = await browser.new_context()
    try:
        one, other = await context.new_page(), await context.new_page()
        await one.goto(f"{looking.url}login")
        await _log_in(one)
        await other.goto(looking.url)
        for page in (one, other):
            await wait_for_frames(page)
            await expect(page.locator("#logout")).to_be_visible()
        await one.click("#logout")
        for page in (one, other):
            await expect(page.locator("#login")).to_be_visible()
            await expect(page.locator("html")).to_have_attribute("data-may", "view")
    finally:
        await context.close()
