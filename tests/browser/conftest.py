"""A real Chromium for the tests of the page. Without one they are skipped, and the reason is printed."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Error, async_playwright

from tests.browser.pages import INSECURE_HOST

_MISSING = Path(__file__).parents[2] / ".venv" / "missing" / "browser"

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
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        except Error as error:
            told = _MISSING.read_text().strip() if _MISSING.exists() else str(error).splitlines()[0]
            pytest.skip(f"no browser to test the page in: {told}")
        yield browser
        await browser.close()
