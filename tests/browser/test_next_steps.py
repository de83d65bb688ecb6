"""What to do next with a new camera: told above its picture, once, and only to who can do it."""

import json
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route, expect

from pi_stream.auth import store
from pi_stream.auth.credentials import Credentials
from pi_stream.auth.passwords import hash_password
from pi_stream.protocol import SourceNews
from tests.browser.pages import contrast, open_page, screenshot, wait_for_frames
from tests.running import running

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVIL = "<img src=x onerror=\"document.title='hacked'\">"
STEPS = [
    {"id": "camera", "title": "connect a camera", "what": f"There was none ({EVIL}).", "how": "The doctor says more."},
    {"id": "password", "title": "set a password", "what": "All can look.", "how": "`sudo pi-stream password`, then."},
]
PHONE = {"width": 390, "height": 844}


@pytest.fixture(autouse=True)
def appliance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that systemd started."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))


async def _told(page: Page, steps: object) -> None:
    """Have the page hear this in the place of what is to be done here."""

    async def answer(route: Route) -> None:
        await route.fulfill(content_type="application/json", body=json.dumps({"steps": steps}))

    await page.route("**/api/next", answer)
    await page.reload()


async def test_a_new_camera_says_what_to_do_next(browser: Browser, tmp_path: Path) -> None:
    """The real one, which anybody may look at and write on: in one line, and opened with the command for it."""
    async with running(tmp_path) as service, open_page(browser, service.url) as page:
        await wait_for_frames(page)
        await expect(page.locator("#next-headline")).to_contain_text("set a password")
        await expect(page.locator("#next-list")).to_be_hidden()
        await page.click("#next-summary")
        await expect(page.locator("#next-list code").first).to_have_text("sudo pi-stream password")


async def test_what_is_put_away_does_not_come_back_and_the_rest_does(browser: Browser, tmp_path: Path) -> None:
    """By keyboard alone, on a phone's screen; it is remembered over a reload, and each step by itself."""
    async with running(tmp_path) as service, open_page(browser, service.url, viewport=PHONE) as page:
        await _told(page, STEPS)
        await wait_for_frames(page)
        await screenshot(page, "next-phone")
        await page.locator("#next-summary").focus()
        await page.keyboard.press("Enter")
        await screenshot(page, "next-open-phone")
        row = page.locator("#next-list li").nth(1)
        await row.locator("button").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#next-headline")).to_have_text("connect a camera")
        await expect(page.locator("#next-summary")).to_be_focused()
        await page.reload()
        await expect(page.locator("#next-headline")).to_have_text("connect a camera")
        await page.locator("#next-dismiss").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#next")).to_be_hidden()
        await expect(page.locator("#open-captions")).to_be_focused()
        async with page.expect_response("**/api/next"):
            await page.reload()
        await wait_for_frames(page)
        await expect(page.locator("#next")).to_be_hidden()
        await _told(page, [*STEPS, {"id": "clock", "title": "let it set its clock", "what": "No.", "how": "Wait."}])
        await expect(page.locator("#next-headline")).to_have_text("let it set its clock")


async def test_a_missing_camera_leads_to_the_doctor_and_names_are_only_text(browser: Browser, tmp_path: Path) -> None:
    """One button; and nothing that a device is called becomes part of the page."""
    async with running(tmp_path) as service, open_page(browser, service.url) as page:
        await _told(page, STEPS)
        await page.click("#next-summary")
        await expect(page.locator("#next-list li").first).to_contain_text(EVIL)
        assert await page.locator("#next img").count() == 0
        await page.click("#next-list >> text=Run doctor")
        await expect(page.locator("#panel-doctor")).to_be_visible()


async def test_what_somebody_has_done_goes_and_all_that_was_done_takes_the_strip_along(
    browser: Browser, tmp_path: Path
) -> None:
    """Without a reload: it is asked again when the camera's state changes."""
    async with running(tmp_path) as service, open_page(browser, service.url) as page:
        await _told(page, STEPS)
        await expect(page.locator("#next")).to_be_visible()
        await page.unroute("**/api/next")
        await page.route("**/api/next", lambda route: route.fulfill(json={"steps": []}))
        service.context.viewers.send_to_all(SourceNews(online=True, kind="synthetic", reason=None))
        await expect(page.locator("#next")).to_be_hidden()


async def test_who_may_only_look_is_not_told(browser: Browser, tmp_path: Path) -> None:
    """It is not theirs to do."""
    store.save(
        tmp_path / store.NAME, Credentials().with_password("control", hash_password("a password to change", n=2))
    )
    async with (
        running(tmp_path, "auth.mode=password", "auth.view=open") as service,
        open_page(browser, service.url) as page,
    ):
        await _told(page, STEPS)
        await wait_for_frames(page)
        await expect(page.locator("html")).to_have_attribute("data-may", "view")
        await expect(page.locator("#next")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_its_words_can_be_read_in_both_schemes(browser: Browser, tmp_path: Path, scheme: str) -> None:
    """WCAG's contrast for text, 4.5 to 1."""
    async with running(tmp_path) as service, open_page(browser, service.url, color_scheme=scheme) as page:
        await _told(page, STEPS)
        await screenshot(page, f"next-{scheme}")
        await page.click("#next-summary")
        await screenshot(page, f"next-open-{scheme}")
        for selector in ("#next-summary b", "#next-headline", "h3", ".what", ".how", "code", "button"):
            ratio = await contrast(page.locator("#next").locator(selector).first)
            assert ratio >= 4.5, f"{selector}: {ratio:.1f} to 1"
