"""The doctor on the page: offered when the camera is offline, faults first, and only ever text."""

import json
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.pages import contrast, open_page, wait_for_frames
from tests.running import running

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVIL = "<img src=x onerror=\"document.title='hacked'\">"
REPORT = {
    "version": "1.0.0",
    "verdict": "fault",
    "findings": [
        {"area": "camera", "level": "ok", "what": "imx708 (libcamera)", "fix": None},
        {"area": "power", "level": "warning", "what": "the voltage was too low", "fix": "Use another supply."},
        {"area": "in use", "level": "fault", "what": f"{EVIL} has it", "fix": "End it: `sudo kill 812`, then wait."},
    ],
}  # fmt: skip  # a finding a line


async def _told(page: Page, report: object, status: int = 200) -> None:
    """Have the page hear this in the place of what the doctor finds here."""

    async def answer(route: Route) -> None:
        await route.fulfill(status=status, content_type="application/json", body=json.dumps(report))

    await page.route("**/api/doctor", answer)


async def test_the_doctor_is_offered_when_the_camera_is_offline(browser: Browser, tmp_path: Path) -> None:
    """A click on the button below the reason, and the real doctor names the camera that is missing."""
    async with (
        running(tmp_path, "camera.source=v4l2", "camera.path=/dev/video77") as service,
        open_page(browser, service.url) as page,
    ):
        await page.click("#run-doctor")
        first = page.locator("#doctor-problems li").first
        await expect(first).to_have_attribute("data-level", "fault")
        await expect(first).to_contain_text("/dev/video77")
        await expect(page.locator("#doctor-summary")).to_contain_text("1 fault")
        await expect(page.locator("#run-doctor")).to_be_hidden()  # it has been asked


async def test_while_pictures_come_the_doctor_is_a_key_away(browser: Browser, tmp_path: Path) -> None:
    """And does not offer itself."""
    async with running(tmp_path) as service, open_page(browser, service.url) as page:
        await wait_for_frames(page)
        await expect(page.locator("#run-doctor")).to_be_hidden()
        await page.keyboard.press("d")
        await expect(page.locator("#panel-doctor")).to_be_visible()
        await expect(page.locator("#doctor-again")).to_be_focused()
        await expect(page.locator("#doctor-passed-title")).to_contain_text("checks passed")
        await page.click("#doctor-passed summary")
        await expect(page.locator("#doctor-passed-list")).to_contain_text("open, by this service")
        await page.keyboard.press("Escape")
        await expect(page.locator("#panel-doctor")).to_be_hidden()


async def test_faults_come_first_and_a_command_is_selected_by_a_click(browser: Browser, tmp_path: Path) -> None:
    """What programs are called is only ever text; a command is taken whole, with nothing around it."""
    async with running(tmp_path) as service, open_page(browser, service.url) as page:
        await _told(page, REPORT)
        await page.click("#open-doctor")
        rows = page.locator("#doctor-problems li")
        await expect(rows).to_have_count(2)
        await expect(rows.first).to_contain_text(f"{EVIL} has it")
        await expect(rows.nth(1)).to_contain_text("the voltage was too low")
        assert await page.locator("#panel-doctor img").count() == 0
        assert "hacked" not in await page.title()
        await rows.first.locator("code").click()
        assert await page.evaluate("String(getSelection())") == "sudo kill 812"


async def test_a_doctor_that_does_not_answer_says_so_and_can_be_run_again(browser: Browser, tmp_path: Path) -> None:
    """What it said before does not stay as if it were true."""
    async with running(tmp_path) as service, open_page(browser, service.url) as page:
        await _told(page, REPORT)
        await page.click("#open-doctor")
        await expect(page.locator("#doctor-problems li")).to_have_count(2)
        await page.unroute("**/api/doctor")
        await page.route("**/api/doctor", lambda route: route.abort())
        await page.click("#doctor-again")
        await expect(page.locator("#doctor-summary")).to_contain_text("did not answer")
        await expect(page.locator("#doctor-problems li")).to_have_count(0)
        await page.unroute("**/api/doctor")
        await _told(page, REPORT)
        await page.click("#doctor-again")
        await expect(page.locator("#doctor-problems li")).to_have_count(2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_its_words_can_be_read_in_both_schemes(browser: Browser, tmp_path: Path, scheme: str) -> None:
    """WCAG's contrast for text, 4.5 to 1, of the levels, the fix and the commands."""
    async with (
        running(tmp_path) as service,
        open_page(browser, service.url, color_scheme=scheme) as page,
    ):
        await _told(page, REPORT)
        await page.click("#open-doctor")
        for selector in (".area span", ".what", ".fix", "code"):
            for at in range(await page.locator(f"#doctor-problems {selector}").count()):
                ratio = await contrast(page.locator(f"#doctor-problems {selector}").nth(at))
                assert ratio >= 4.5, f"{selector}: {ratio:.1f} to 1"
