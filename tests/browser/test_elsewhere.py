"""Pages of other sites that show the camera, in a real browser: what they may, and what they may not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Browser, expect

from pi_stream.auth import store
from pi_stream.auth.credentials import Credentials
from pi_stream.auth.passwords import hash_password
from tests.browser.pages import INSECURE_HOST, PATIENCE, open_page, wait_for_frames
from tests.running import Running, free_port, running

pytestmark = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def _site(port: int, body: str) -> AsyncIterator[str]:
    """Another site, with one page."""

    async def page(request: web.Request) -> web.Response:
        assert request.path in ("/", "/favicon.ico")
        return web.Response(text=f"<!doctype html><title>home</title>{body}", content_type="text/html")

    app = web.Application()
    app.router.add_get("/{any:.*}", page)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def _named(service: Running) -> str:
    """The service under its name on the network, which is another site than the address."""
    return service.url.replace("127.0.0.1", INSECURE_HOST)


async def test_an_img_on_any_page_shows_the_stream_and_cannot_read_it(browser: Browser, tmp_path: Path) -> None:
    """As the README has it; the canvas that it is drawn on is tainted."""
    async with running(tmp_path) as service:
        img = f'<img id="camera" src="{_named(service)}stream.mjpg?width=160">'
        async with _site(free_port(), img) as url, open_page(browser, url) as page:
            await page.wait_for_function("() => camera.naturalWidth === 160")
            read = await page.evaluate(
                "() => { const canvas = document.createElement('canvas').getContext('2d');"
                " canvas.drawImage(camera, 0, 0);"
                " try { canvas.getImageData(0, 0, 1, 1); return 'read' } catch (error) { return error.name } }"
            )
            assert read == "SecurityError"


async def test_a_foreign_page_cannot_open_the_websocket(browser: Browser, tmp_path: Path) -> None:
    """The browser says whose page it is, and the handshake is refused."""
    async with running(tmp_path) as service, _site(free_port(), "") as url, open_page(browser, url) as page:
        address = _named(service).replace("http", "ws") + "ws"
        opened = await page.evaluate(
            "(address) => new Promise((done) => { const socket = new WebSocket(address);"
            " socket.onopen = () => done(true); socket.onclose = () => done(false); })",
            address,
        )
        assert opened is False


@pytest.mark.parametrize("listed", [True, False])
async def test_a_frame_on_another_page_shows_ours_where_that_site_is_listed(
    browser: Browser, tmp_path: Path, listed: bool
) -> None:
    """[server] origins: such a page could lay something over ours and have a visitor press its buttons unseen."""
    port = free_port()
    origins = f'server.origins=["http://127.0.0.1:{port}"]' if listed else "server.origins=[]"
    async with running(tmp_path, origins) as service:
        context = await browser.new_context()
        try:
            page = await context.new_page()
            refused: list[str] = []
            page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
            frame = f'<iframe id="camera" width="800" height="500" src="{_named(service)}"></iframe>'
            async with _site(port, frame) as url:
                await page.goto(url, timeout=PATIENCE)
                status = page.frame_locator("#camera").locator("#status")
                if listed:
                    await expect(status).to_contain_text("Live", timeout=PATIENCE)
                    assert not refused
                else:
                    await expect(status).to_have_count(0)
                    assert any("frame-ancestors" in each for each in refused)
        finally:
            await context.close()


@pytest.mark.parametrize("encoding", ["jpeg", "png", "i420", "rgba"])
async def test_the_page_breaks_none_of_its_own_rules(browser: Browser, tmp_path: Path, encoding: str) -> None:
    """Every panel is opened and a caption dragged about in; the browser reports no violation of the policy."""
    async with running(tmp_path) as service, open_page(browser, "about:blank") as page:
        await page.add_init_script(
            "globalThis.violations = []; addEventListener('securitypolicyviolation',"
            " ({ violatedDirective, blockedURI }) => violations.push(`${violatedDirective} ${blockedURI}`));"
        )
        await page.goto(service.url)
        for panel in ("captions", "chat", "settings"):
            await page.click(f"#open-{panel}")
        await page.select_option("#settings-form [name=encoding]", encoding)
        await wait_for_frames(page, f"data.encoding === '{encoding}'")
        await page.click("#open-captions")
        await page.fill("#caption-form [name=text]", "here")
        await expect(page.locator("#preview")).to_be_visible()
        assert await page.evaluate("preview.style.getPropertyValue('--line') !== '' || preview.style.cssText !== ''")
        assert await page.evaluate("violations") == []


@pytest.mark.parametrize("same_site", [True, False])
async def test_a_frame_has_the_login_where_only_the_port_differs(
    browser: Browser, tmp_path: Path, same_site: bool
) -> None:
    """A dashboard on the camera's own machine shows it; a page of another site, though listed, shows the form."""
    store.save(tmp_path / store.NAME, Credentials().with_password("control", hash_password("change everything", n=2)))
    port = free_port()
    host = INSECURE_HOST if same_site else "127.0.0.1"
    settings = (f'server.origins=["http://{host}:{port}"]', "auth.mode=password")
    async with running(tmp_path, *settings) as service:
        context = await browser.new_context()  # not open_page: the browser grumbles about the form's focus in a frame
        try:
            page = await context.new_page()
            await page.goto(_named(service))
            await page.fill("[name=password]", "change everything")
            await page.keyboard.press("Enter")
            await wait_for_frames(page)
            frame = f'<iframe id="camera" width="800" height="500" src="{_named(service)}"></iframe>'
            async with _site(port, frame):
                await page.goto(f"http://{host}:{port}/")
                shown = page.frame_locator("#camera").locator("#status" if same_site else "[name=password]")
                await expect(shown).to_be_visible(timeout=PATIENCE)
        finally:
            await context.close()
