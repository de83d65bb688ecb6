"""make test-boot: a card is made, put into a Raspberry Pi that QEMU plays, and looked at with a browser, twice.

    python -m tests.boot [--deb dist/pi-stream_VERSION_all.deb] [--way image|user-data|read-only] [--quick]

It needs root, mmdebstrap, QEMU and Chromium, and takes some 40 minutes the first time, 15 afterwards. It leaves its log
and what the browser saw in `.appliance/boot/`; `docs/boot.txt` is such a log.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from time import monotonic

import aiohttp
from playwright.async_api import async_playwright

from deploy.image import build
from deploy.image.gather import gather
from tests.appliance import package
from tests.boot.board import Board, board, checksum, cmdline, initramfs
from tests.boot.card import MIB, run
from tests.boot.stand_in import CACHE, StandIn, provide

INSTALLING = 7200.0  # seconds; emulated, two hundred packages take a quarter of an hour
STARTING = 1800.0
LOOKING = 600_000  # milliseconds; on a busy machine two minutes were not enough for the page
ANSWERS = """hostname = "doorcam"
timezone = "Europe/Berlin"

[wifi]
ssid = "nobody is there"
password = "but it must not matter"
country = "DE"

[user]
name = "anna"
password = "correct horse"

[pi-stream.camera]
width = 640
height = 360
fps = 10
"""


class Log:
    """What happened when, for docs/boot.txt."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        print(line, flush=True)


async def look(here: Board, caption: str, screenshot: Path) -> None:
    """Open the page in a browser, under the card's own name, and wait for a picture and for this caption."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("chromium-headless-shell"),
            args=["--host-resolver-rules=MAP doorcam.local 127.0.0.1", "--no-sandbox"],
        )
        try:
            page = await browser.new_page(viewport={"width": 1000, "height": 720}, bypass_csp=True)
            await page.goto(f"http://doorcam.local:{here.port}/", timeout=LOOKING)
            await page.wait_for_function(DRAWN, timeout=LOOKING)
            await page.wait_for_function(
                f"document.querySelector('#captions').textContent.includes({caption!r})", timeout=LOOKING
            )
            await page.screenshot(path=screenshot)
        finally:
            await browser.close()


# The canvas has pixels of more than one colour: a picture, not a page that waits for one.
DRAWN = """() => {
    const canvas = document.querySelector("canvas");
    if (!canvas || canvas.width < 100) return false;
    const copy = new OffscreenCanvas(64, 64);
    const pen = copy.getContext("2d");
    pen.drawImage(canvas, 0, 0, 64, 64);
    const words = new Uint32Array(pen.getImageData(0, 0, 64, 64).data.buffer);
    return new Set(words).size > 8;
}"""


async def caption(here: Board, text: str) -> None:
    """Put a caption on the picture, which must still be there after the power was cut."""
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        url = f"http://127.0.0.1:{here.port}/api/captions"
        async with session.post(url, json={"id": "boot", "text": text}) as answer:
            assert answer.status < 300, await answer.text()


def gathered(parts: StandIn, deb: Path, log: Log) -> Path:
    """The folder of packages for the stand-in: what was gathered before, if it was for the same package."""
    debs = CACHE / "debs"
    if not (debs / deb.name).exists() or (debs / deb.name).read_bytes() != deb.read_bytes():
        shutil.rmtree(debs, ignore_errors=True)
        began = monotonic()
        files = gather(parts.image, deb, debs, extra=["overlayroot"])
        size = sum(file.stat().st_size for file in files) / MIB
        log(f"{monotonic() - began:6.1f} s  gathered {len(files)} packages, {size:.0f} MiB")
    return debs


def make_card(parts: StandIn, debs: Path, way: str, work: Path, log: Log) -> Path:
    """A card by the one way or the other, from the packages that were gathered for it."""
    answers = work / "answers.toml"
    answers.write_text(("read_only = true\n" if way == "read-only" else "") + ANSWERS)
    card, began = work / "card.img", monotonic()
    if way != "user-data":
        build.image(parts.image, debs, answers, card, force=False, report=lambda _: None)
    else:
        build.user_data(debs, answers, work / "user-data", force=False)
        run("cp", "--sparse=always", parts.image, card)
        # The way that docs/flash.md has, with a computer's file manager in the place of mcopy.
        run("mcopy", "-i", f"{card}@@{8 * MIB}", "-s", "-o", "-n", *(work / "user-data").iterdir(), "::/")
    log(f"{monotonic() - began:6.1f} s  made a card of {card.stat().st_size / MIB:.0f} MiB ({way})")
    return card


async def boot_read_only(parts: StandIn, card: Path, work: Path, log: Log) -> None:
    """It installs, makes itself read-only and starts again; then a caption is kept, and nothing else is written."""
    log("\nFirst boot (seconds since the power came):")
    async with board(parts, card, work / "first.txt") as here:
        await here.says("pi-stream, first boot: done", patience=INSTALLING)
        log(f"{here.age:6.1f} s  all is installed")
        log(f"{await here.ends(patience=STARTING):6.1f} s  it starts again by itself")
    # The firmware of a Pi would take the initramfs that the card has now; so does this.
    parts = replace(parts, initramfs=initramfs(card, parts.initramfs.name, work / "initramfs"))
    written = checksum(card)
    log(f"\nSecond boot, with {cmdline(card).split()[0]}:")
    async with board(parts, card, work / "second.txt") as here:
        await here.answers("/snapshot.jpg", 200, patience=STARTING)
        log(f"{here.age:6.1f} s  the first picture")
        await caption(here, "It stays")
        await asyncio.sleep(60)  # longer than any interval at which the kernel or systemd writes
    assert checksum(card) == written, "something was written to the boot or the root partition"
    log("        not a byte of the boot and the root partition has changed")
    log("\nThe power is cut. Third boot:")
    async with board(parts, card, work / "third.txt") as here:
        await here.answers("/snapshot.jpg", 200, patience=STARTING)
        log(f"{here.age:6.1f} s  the first picture")
        await look(here, "It stays", work / "boot.png")
        log(f"{here.age:6.1f} s  the browser shows the picture, with the caption of before")


async def boot_twice(parts: StandIn, card: Path, work: Path, log: Log) -> None:
    """First boot: it installs. Second boot, after a power cut: the picture comes, and the caption is there."""
    log("\nFirst boot (seconds since the power came):")
    async with board(parts, card, work / "first.txt") as here:
        # With little to install, the page that says so may be gone before the network is there.
        if await here.answers("/", 503, 200, patience=STARTING) == 503:
            log(f"{here.age:6.1f} s  the address says that it installs")
        await here.answers("/snapshot.jpg", 200, patience=INSTALLING)
        log(f"{here.age:6.1f} s  the first picture")
        await here.says("pi-stream, first boot: done", patience=STARTING)
        log(f"{here.age:6.1f} s  all is installed")
        await caption(here, "It works")
        await look(here, "It works", work / "boot.png")
        log(f"{here.age:6.1f} s  the browser shows the picture")
        await asyncio.sleep(10)  # what was written reaches the card: the kernel's own interval is 5 s
    log("\nThe power is cut. Second boot:")
    async with board(parts, card, work / "second.txt") as here:
        await here.answers("/snapshot.jpg", 200, patience=STARTING)
        log(f"{here.age:6.1f} s  the first picture")
        await look(here, "It works", work / "boot.png")
        log(f"{here.age:6.1f} s  the browser shows the picture, with the caption of before")


def main() -> int:
    """Run it; the exit code is 0 when the browser has seen both pictures."""
    parser = argparse.ArgumentParser("python -m tests.boot", description=__doc__)
    parser.add_argument("--deb", type=Path, help="pi-stream's package (default: one of this checkout)")
    parser.add_argument(
        "--way", choices=("image", "user-data", "read-only"), default="image", help="how the card is made"
    )
    parser.add_argument("--quick", action="store_true", help="the card has all packages but pi-stream before it starts")
    options = parser.parse_args()
    deb = options.deb or package.deb()
    CACHE.mkdir(parents=True, exist_ok=True)
    log = Log()
    parts = provide()
    debs = gathered(parts, deb, log)
    if options.quick:
        parts = provide(debs)
        log("        the card has these packages already, but for pi-stream")
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="run-") as folder:
        work = Path(folder)
        try:
            card = make_card(parts, debs, options.way, work, log)
            boot = boot_read_only if options.way == "read-only" else boot_twice
            asyncio.run(boot(parts, card, work, log))
        finally:
            if (work / "boot.png").exists():
                shutil.copy(work / "boot.png", CACHE / f"{options.way}.png")
            for each in ("first.txt", "second.txt", "third.txt"):
                if (work / each).exists():
                    shutil.copy(work / each, CACHE / f"{options.way}-{each}")
            (CACHE / f"{options.way}.txt").write_text("\n".join(log.lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
