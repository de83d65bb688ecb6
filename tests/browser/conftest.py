"""A real Chromium for the tests of the page. Without one they are skipped, and the reason is printed.

The headless shell is preferred: the same engine without the browser's own window, a third of the work for each page.
"""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Error, async_playwright, expect

from tests.browser.pages import INSECURE_HOST, PATIENCE

_MISSING = Path(__file__).parents[2] / ".venv" / "missing" / "browser"

_PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

# No sandbox where root runs it, no graphics card where there may be none, and no calls home: tests need no internet.
_ARGUMENTS = [
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    f"--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1",
]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all tests; each opens pages of its own."""
    expect.set_options(timeout=PATIENCE)  # five seconds else, which a busy machine exceeds
    path = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        except Error as error:
            told = _MISSING.read_text().strip() if _MISSING.exists() else str(error).splitlines()[0]
            pytest.skip(f"no browser to test the page in: {told}")
        yield browser
        await browser.close()
