"""How the page is laid out: on a desk, on phones, with a keyboard on the screen, and in colours that are forced."""

from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from pi_stream.auth import store
from pi_stream.auth.credentials import Credentials
from pi_stream.auth.passwords import hash_password
from tests.browser.pages import open_page, screenshot, wait_for_frames
from tests.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG_NAME = "wohnzimmer-kamera-hinten-links"

_PARTS = """() => [...document.querySelectorAll('.bar > *, .tools > *')].filter((each) => each.offsetParent)
  .map((each) => { const { left, right } = each.getBoundingClientRect();
    return [each.id || each.className, left, right, each.scrollWidth > each.clientWidth + 1]; })"""
# Of the numbers, those of which anything is seen, and whether all of it is.
_NUMBERS = """() => { const box = document.querySelector('.numbers').getBoundingClientRect();
  return [...document.querySelectorAll('.numbers > div')].map((each) => each.getBoundingClientRect())
    .filter(({ top, right, left }) => top < box.bottom && right > box.left && left < box.right)
    .map(({ left, right }) => left >= box.left - 1 && right <= box.right + 1); }"""
# What the middle of an element shows: itself, or something that lies over it.
_SEEN = """(element) => { const { left, top, width, height } = element.getBoundingClientRect();
  const there = document.elementFromPoint(left + width / 2, top + height / 2);
  return element.contains(there) || [...element.labels ?? []].some((each) => each.contains(there)); }"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """Everybody may look, so that both the picture and "Log in" are there."""
    state = tmp_path_factory.mktemp("state")
    store.save(state / store.NAME, Credentials().with_password("control", hash_password("change everything", n=2)))
    async with running(state, "auth.mode=password", "auth.view=open") as service:
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def unlocked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """Everybody may do everything."""
    async with running(tmp_path_factory.mktemp("unlocked")) as service:
        yield service


async def _lost(page: Page) -> None:
    """The longest words that the bar has: of a camera with a long name that went away."""
    await page.evaluate(
        "(name) => { const [status, countdown] = ['status', 'countdown'].map((id) => document.getElementById(id));"
        " title.textContent = name; status.textContent = 'Reconnecting…'; countdown.append('again in 10 s');"
        " document.documentElement.dataset.state = 'lost'; }",
        LONG_NAME,
    )


@pytest.mark.parametrize(
    ("width", "height"), [(390, 700), (360, 340), (390, 380), (412, 400)], ids=lambda each: str(each)
)
async def test_a_phone_stays_upright_while_its_keyboard_is_up(
    browser: Browser, unlocked: Running, width: int, height: int
) -> None:
    """The window is then wider than high; the picture stays above what is written, and as wide as the screen."""
    viewport = {"width": width, "height": height}
    async with open_page(browser, unlocked.url, viewport=viewport, has_touch=True, is_mobile=True) as page:
        await wait_for_frames(page)
        await page.tap("#open-captions")
        await page.fill("#caption-form [name=text]", "written on a phone")
        stage = await page.locator(".stage").bounding_box()
        drawer = await page.locator("#drawer").bounding_box()
        text = await page.locator("#caption-form [name=text]").bounding_box()
        await screenshot(page, f"keyboard-{width}x{height}")
        assert stage is not None
        assert drawer is not None
        assert text is not None
        assert stage["width"] == drawer["width"] == width
        assert stage["height"] >= 80
        assert drawer["y"] >= stage["y"] + stage["height"] - 1
        assert text["y"] + 40 <= drawer["y"] + drawer["height"]  # a line of what is written
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("width", "height"), [(1280, 600), (844, 390)])
async def test_what_the_keyboard_is_in_can_be_seen(
    browser: Browser, unlocked: Running, width: int, height: int
) -> None:
    """Tab by tab through the form of a caption: nothing that sticks lies over the field."""
    async with open_page(browser, unlocked.url, viewport={"width": width, "height": height}) as page:
        await wait_for_frames(page)
        await page.keyboard.press("c")
        for _ in range(16):
            await page.keyboard.press("Tab")
            # The browser scrolls to it smoothly or at once, as it likes.
            await page.wait_for_function(f"() => ({_SEEN})(document.activeElement)")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1000, 700), (844, 390), (640, 400), (570, 300)])
async def test_the_bar_has_the_name_and_no_half_numbers(
    browser: Browser, service: Running, width: int, height: int
) -> None:
    """Also of a camera that is away, with a long name, beside "Log in"."""
    viewport = {"width": width, "height": height}
    async with open_page(browser, service.url, viewport=viewport) as page:
        await wait_for_frames(page)
        await expect(page.locator("#login")).to_be_visible()
        for words in ("live", "lost"):
            if words == "lost":
                await _lost(page)
            await screenshot(page, f"bar-{width}-{words}")
            parts = await page.evaluate(_PARTS)
            for (name, _, right, _), (after, left, _, _) in pairwise(parts):
                assert right <= left + 1, f"{words}: {name} ends at {right}, {after} begins at {left}"
            assert parts[-1][2] <= width
            named = await page.locator("#title").bounding_box()
            assert named is not None
            assert named["width"] >= 40
            state, words_of_it = [await page.locator(each).bounding_box() for each in (".state", "#status")]
            assert state is not None
            assert words_of_it is not None
            assert words_of_it["x"] + words_of_it["width"] <= state["x"] + state["width"] + 1
            assert words_of_it["y"] + words_of_it["height"] <= state["y"] + state["height"] + 1
            numbers = await page.evaluate(_NUMBERS)
            assert all(numbers), f"{words}: {numbers}"
            if width >= 1280 and words == "live":
                assert len(numbers) == 4
                assert not parts[0][3], "the name is cut, though there is room"


async def test_on_the_narrowest_phone_every_tool_is_on_the_screen(browser: Browser, service: Running) -> None:
    """With "Log in", too; and each says its name where it is only a sign."""
    async with open_page(browser, service.url, viewport={"width": 320, "height": 640}) as page:
        await wait_for_frames(page)
        await expect(page.locator("#login")).to_be_visible()
        await screenshot(page, "phone-320")
        for tool in await page.locator(".tools > *").filter(visible=True).all():
            box = await tool.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 320
            assert box["width"] >= 36
            assert await tool.get_attribute("title") == await tool.locator("span").text_content()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (844, 390), (390, 844)])
async def test_in_full_screen_tools_that_are_out_of_sight_take_no_taps(
    browser: Browser, unlocked: Running, width: int, height: int
) -> None:
    """The first tap brings them back, and the second one presses."""
    async with open_page(browser, unlocked.url, viewport={"width": width, "height": height}, has_touch=True) as page:
        await wait_for_frames(page)
        await page.keyboard.press("f")
        await page.wait_for_function("() => document.fullscreenElement !== null")
        doctor = await page.locator("#open-doctor").bounding_box()
        assert doctor is not None
        place = doctor["x"] + doctor["width"] / 2, doctor["y"] + doctor["height"] / 2
        await page.wait_for_function("() => 'idle' in document.documentElement.dataset")
        await page.wait_for_function("() => getComputedStyle(document.querySelector('.tools')).opacity === '0'")
        await page.touchscreen.tap(*place)
        await page.wait_for_function("() => getComputedStyle(document.querySelector('.tools')).opacity === '1'")
        await expect(page.locator("#panel-doctor")).to_be_hidden()
        await page.touchscreen.tap(*place)
        await expect(page.locator("#panel-doctor")).to_be_visible()


async def test_in_full_screen_nothing_shows_above_the_panels_title(browser: Browser, unlocked: Running) -> None:
    """However far it is scrolled."""
    async with open_page(browser, unlocked.url, viewport={"width": 844, "height": 390}) as page:
        await wait_for_frames(page)
        await page.keyboard.press("f")
        await page.wait_for_function("() => document.fullscreenElement !== null")
        await page.keyboard.press("c")
        await page.evaluate("drawer.scrollTop = 200")
        await screenshot(page, "fullscreen-scrolled")
        drawer = await page.locator("#drawer").bounding_box()
        header = await page.locator("#panel-captions header").bounding_box()
        tools = await page.locator(".tools").bounding_box()
        assert drawer is not None
        assert header is not None
        assert tools is not None
        assert header["y"] == pytest.approx(drawer["y"], abs=1)
        assert header["y"] >= tools["y"] + tools["height"] - 1
        await expect(page.locator("#panel-captions .close")).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_what_colour_alone_tells_is_there_when_colours_are_forced(
    browser: Browser, unlocked: Running, scheme: str
) -> None:
    """The position that is chosen among the nine, the state's dot, and which panel is open."""
    async with open_page(
        browser, unlocked.url, viewport={"width": 1280, "height": 800}, forced_colors="active", color_scheme=scheme
    ) as page:
        await wait_for_frames(page)
        await page.keyboard.press("c")
        await screenshot(page, f"forced-{scheme}")
        ground = "(element, part) => getComputedStyle(element, part).backgroundColor"
        chosen = page.locator("#caption-form [name=anchor]:checked")
        other = page.locator("#caption-form [name=anchor]:not(:checked)").first
        assert await chosen.evaluate(ground) != await other.evaluate(ground)
        assert await other.evaluate(ground, "::before") != await page.locator(".grid").evaluate(ground)
        assert await page.locator(".state").evaluate(ground, "::before") != await page.locator(".bar").evaluate(ground)
        border = "(element) => getComputedStyle(element).borderTopStyle"
        assert await page.locator("#open-captions").evaluate(border) == "solid"
        assert await page.locator("#open-chat").evaluate(border) == "none"


async def test_a_long_name_breaks_nothing_in_the_chat(browser: Browser, unlocked: Running) -> None:
    """It is cut in the list, where one still sees who oneself is, and broken in the chat."""
    async with (
        open_page(browser, unlocked.url, viewport={"width": 390, "height": 844}) as one,
        open_page(browser, unlocked.url) as other,
    ):
        for page in (one, other):
            await wait_for_frames(page)
            await page.click("#open-chat")
        await one.fill("#name-form [name=name]", "W" * 80)
        await one.click("#name-form button")
        await expect(one.locator("#viewers .you bdi")).to_have_text("W" * 80)
        mine = one.locator("#viewers .you")
        # Where the words after the name end, which is inside of what is seen of it.
        after = "(you) => { const range = document.createRange(); range.selectNodeContents(you.lastChild);"
        assert await mine.evaluate(
            after + " const { right, width } = range.getBoundingClientRect();"
            " return width > 10 && right <= you.getBoundingClientRect().right; }"
        )
        await one.fill("#chat-form [name=text]", "hello")
        await one.keyboard.press("Enter")
        await expect(other.locator("#chat")).to_contain_text("hello")
        await screenshot(one, "names-phone")
        await screenshot(other, "names-desk")
        for page in (one, other):
            for part in ("#drawer", "#chat", "#viewers"):
                assert await page.locator(part).evaluate("(each) => each.scrollWidth <= each.clientWidth"), part
