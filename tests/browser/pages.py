"""A page in a browser, and what a test asks of it."""

import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.async_api import Browser, Locator, Page

INSECURE_HOST = "pi.local"  # resolves to this machine, and is no secure context: as plain http on a LAN
PATIENCE = 60_000  # milliseconds until a test says that something does not come

_READ_SEQ = (Path(__file__).parent / "read_seq.js").read_text(encoding="utf-8")

# What is read is what was drawn last: number, then pixels, with nothing in between that could draw.
_READ_PIXELS = """(canvas) => {
  const { width, height } = canvas;
  const bytes = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  let text = '';
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return { width, height, seq: Number(canvas.dataset.seq), encoding: canvas.dataset.encoding, pixels: btoa(text) };
}"""


# Relative luminance and contrast as WCAG 2.1 defines them, against the nearest ground that is not transparent.
_CONTRAST = """(element) => {
  const most = (colour) => (colour.startsWith('color(srgb') ? 1 : 255); // of a colour that was mixed, or written
  const numbers = (colour) => colour.match(/[0-9.]+/g).map(Number);
  const light = (colour) => {
    const parts = numbers(colour).slice(0, 3).map((each) => each / most(colour));
    const [r, g, b] = parts.map((each) => (each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let ground = element;
  while (numbers(getComputedStyle(ground).backgroundColor)[3] === 0) ground = ground.parentElement;
  const [one, other] = [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor].map(light);
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}"""


@asynccontextmanager
async def open_page(browser: Browser, url: str, **options: Any) -> AsyncIterator[Page]:
    """The page at `url` in a profile of its own. An error in it fails the test that opened it."""
    context = await browser.new_context(viewport=options.pop("viewport", {"width": 1000, "height": 700}), **options)
    context.set_default_timeout(PATIENCE)
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda message: errors.append(f"{message.text} {message.location['url']}") if message.type == "error" else None,
    )
    await page.goto(url)
    try:
        yield page
    except BaseException as error:
        error.add_note(f"the page said: {errors}")
        raise
    await context.close()
    expected = ("ERR_CONNECTION_REFUSED", "net::ERR", "WebSocket connection to")  # a server that was stopped on purpose
    unexpected = [error for error in errors if not any(each in error for each in expected)]
    assert not unexpected, unexpected


async def watch(page: Page, **settings: str) -> None:
    """Choose encoding, quality, fps and width in the page's own form."""
    if not await page.locator("#panel-settings").is_visible():
        await page.click("#open-settings")
    for name, value in settings.items():
        await page.select_option(f"#settings-form [name={name}]", value)


async def wait_for_frames(page: Page, condition: str = "true") -> None:
    """Until a frame that fulfils the condition (JavaScript, `data` is the canvas's dataset) was drawn."""
    await page.wait_for_function(
        # The page may not be there yet.
        "(condition) => { const canvas = document.getElementById('picture'); const data = canvas?.dataset;"
        f" return data?.seq !== undefined && ({condition}); }}"
    )


async def burnt_in_seq(page: Page) -> tuple[int | None, int]:
    """(the seq read from the canvas's pixels, the seq that the page says it drew)."""
    both = await page.evaluate(f"() => [({_READ_SEQ})(picture), picture.dataset.seq]")
    return both[0], int(both[1])


async def pixels(page: Page) -> NDArray[np.uint8]:
    """What is on the canvas: uint8, (height, width, 4)."""
    read = await page.evaluate(f"({_READ_PIXELS})(picture)")
    return np.frombuffer(base64.b64decode(read["pixels"]), np.uint8).reshape(read["height"], read["width"], 4)


async def contrast(text: Locator) -> float:
    """That of an element's text to its ground, as WCAG has it: 1 to 21, and 4.5 or more can be read."""
    ratio: float = await text.evaluate(_CONTRAST)
    return ratio


async def screenshot(page: Page, name: str) -> None:
    """PI_STREAM_SCREENSHOTS names a folder where pictures of pages are kept, to be looked at."""
    if folder := os.environ.get("PI_STREAM_SCREENSHOTS"):
        await page.screenshot(path=f"{folder}/{name}.png")
