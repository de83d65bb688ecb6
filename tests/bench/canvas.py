"""How old a picture is when it is on the canvas, in a real browser without a window."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from playwright.async_api import Browser, Page, async_playwright

from tests.bench.parties import QUALITY, Party
from tests.browser.pages import open_page, wait_for_frames, watch

_SETTLE = 1.5  # seconds

# The page's own number is a median over a second; this is every frame, at the moment when the canvas's dataset says
# that it was drawn. The service's clock is asked over a websocket of its own, and the quickest of ten answers is
# believed: it is off by half of its round trip at most, which is what `off` says.
_WATCH_AGES = """async (seconds) => {
  const socket = new WebSocket(new URL('ws', document.baseURI).href.replace(/^http/, 'ws'));
  const answers = [];
  await new Promise((done) => {
    const ask = () => socket.send(JSON.stringify({ type: 'ping', sent: performance.now() }));
    socket.onopen = ask;
    socket.onmessage = ({ data }) => {
      const now = performance.now(), { type, sent, clock } = JSON.parse(data);
      if (type !== 'pong') return;
      answers.push({ trip: now - sent, offset: clock / 1000 - (sent + now) / 2 });
      if (answers.length < 10) setTimeout(ask, 20); else done();
    };
  });
  socket.close();
  const best = answers.sort((a, b) => a.trip - b.trip)[0];
  const canvas = document.getElementById('picture'), ages = [];
  const observer = new MutationObserver(() =>
    ages.push(performance.now() + best.offset - Number(canvas.dataset.captured) / 1000));
  observer.observe(canvas, { attributeFilter: ['data-captured'] });
  const began = performance.now();
  await new Promise((done) => setTimeout(done, seconds * 1000));
  observer.disconnect();
  return { ages, seconds: (performance.now() - began) / 1000, off: best.trip / 2, encoding: canvas.dataset.encoding };
}"""


@dataclass(frozen=True)
class Ages:
    """Milliseconds from captured to drawn; `off` is the most by which the clocks were misread."""

    p50_ms: float
    p95_ms: float
    fps: float
    off_ms: float


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A headless browser that draws in software, as one without a graphics card does."""
    path = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell"))),
        None,
    )
    arguments = ["--disable-gpu", "--no-first-run", "--disable-background-networking"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        await browser.close()


async def ages(browser: Browser, party: Party, encoding: str, seconds: float) -> Ages:
    """Watch the page with this encoding for so long."""
    async with open_page(browser, party.url) as page:
        # Not "auto", which may change the size; it can be chosen for JPEG only, and stays chosen.
        await watch(page, encoding="jpeg", quality=str(QUALITY))
        await watch(page, encoding=encoding)
        await wait_for_frames(page, f"data.encoding === '{encoding}'")
        await page.keyboard.press("Escape")
        await asyncio.sleep(_SETTLE)
        return await _ages(page, seconds)


async def bare_ages(browser: Browser, party: Party, seconds: float) -> Ages:
    """The same of the page that does nothing else."""
    async with open_page(browser, party.url) as page:
        await wait_for_frames(page)
        await asyncio.sleep(_SETTLE)
        return await _ages(page, seconds)


async def _ages(page: Page, seconds: float) -> Ages:
    told = await page.evaluate(_WATCH_AGES, seconds)
    found = sorted(told["ages"])
    if not found:
        raise RuntimeError("nothing was drawn")
    return Ages(found[len(found) // 2], found[len(found) * 95 // 100], len(found) / told["seconds"], told["off"])
