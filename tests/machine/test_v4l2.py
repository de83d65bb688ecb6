"""A webcam: vivid, the kernel's own video device for tests, whose picture is known."""

import json
import time

import numpy as np
import pytest
from playwright.async_api import Browser

from tests.appliance.virtual_machine import VirtualMachine
from tests.browser.pages import open_page, pixels, wait_for_frames, watch
from tests.machine.seen import health, restart, until_healthy

_WIDTH, _HEIGHT = 640, 360
_SETTINGS = (
    f"[camera]\nsource = 'v4l2'\npath = '/dev/video0'\nwidth = {_WIDTH}\nheight = {_HEIGHT}\nfps = 10\nidle_stop = 0\n"
)
# "75% Colorbar", which vivid begins with: drivers/media/common/v4l2-tpg/v4l2-tpg-colors.c, tpg_bars and tpg_colors.
_BARS = (
    (191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191), (0, 0, 0),
)  # fmt: skip  # white, yellow, cyan, green, magenta, red, blue, black
_DEVICE = "/sys/bus/platform/drivers/vivid"


@pytest.fixture(scope="module")
def camera(machine: VirtualMachine) -> VirtualMachine:
    """A machine with a webcam, which the service uses."""
    load_vivid(machine)
    restart(machine, _SETTINGS)
    until_healthy(machine, lambda health: health["ok"])
    return machine


def load_vivid(machine: VirtualMachine) -> None:
    """One that captures, and nothing else."""
    machine.run("modprobe", "vivid", "n_devs=1", "node_types=0x1")
    machine.shell("udevadm settle")


def bars(picture: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> list[list[int]]:
    """The colour of each of eight bars, left to right, from the lower half, which has no text on it."""
    lower = picture[picture.shape[0] * 3 // 4 :, :, :3]
    eighth = picture.shape[1] // 8
    return [
        np.median(lower[:, number * eighth + 8 : (number + 1) * eighth - 8].reshape(-1, 3), axis=0).astype(int).tolist()
        for number in range(8)
    ]


def test_one_that_comes_after_the_start_is_taken(machine: VirtualMachine) -> None:
    """Until then there is a picture, which is made up."""
    assert until_healthy(machine, lambda health: health["ok"])["source"] == "synthetic"
    load_vivid(machine)
    until_healthy(machine, lambda health: health["ok"] and health["source"] == "v4l2")
    print(f"\n{machine.log()}")


@pytest.mark.asyncio(loop_scope="session")
async def test_its_picture_in_a_browser(camera: VirtualMachine, browser: Browser) -> None:
    """Right size, right colours in every encoding, and it moves: vivid writes the time on its picture."""
    source = json.loads(camera.get("api/status"))["source"]
    print(f"\n{source}")
    assert (source["kind"], source["driver"], source["width"], source["height"]) == ("v4l2", "vivid", _WIDTH, _HEIGHT)
    async with open_page(browser, camera.url) as page:
        page.context.set_default_timeout(120_000)
        page.set_default_timeout(120_000)
        for encoding, tolerance in (("jpeg", 8), ("png", 6), ("rgba", 6)):
            await watch(page, encoding=encoding)
            await wait_for_frames(page, f"data.encoding === '{encoding}' && canvas.width === {_WIDTH}")
            first = await pixels(page)
            assert first.shape[:2] == (_HEIGHT, _WIDTH)
            found = bars(first)
            print(f"{encoding}: {found}")
            assert np.abs(np.array(found) - np.array(_BARS)).max() <= tolerance, encoding
            seq = await page.evaluate("Number(document.getElementById('picture').dataset.seq)")
            await wait_for_frames(page, f"Number(data.seq) > {seq} + 3 && data.encoding === '{encoding}'")
            second = await pixels(page)
            changed = np.abs(first.astype(int) - second.astype(int)).max(axis=-1) > 64
            assert changed.sum() > 20, "nothing moves"


def test_unplugged_and_back(camera: VirtualMachine) -> None:
    """The reason is said, in sensible words; plugged in again the picture comes by itself; both a second time."""
    for _ in range(2):
        camera.shell(f"echo vivid.0 >{_DEVICE}/unbind")
        gone = time.monotonic()
        told = until_healthy(camera, lambda health: not health["ok"])
        print(f"\nunplugged: after {time.monotonic() - gone:.1f} s: {told['reason']}")
        assert "/dev/video0" in told["reason"]
        told = until_healthy(camera, lambda health: str(health["reason"]).startswith("there is no /dev/video0"))
        assert told["reason"] == "there is no /dev/video0; is the camera plugged in?"
        assert camera.get("snapshot.jpg")[:2] != b"\xff\xd8" or not health(camera)["ok"]
        camera.shell(f"echo vivid.0 >{_DEVICE}/bind")
        back = time.monotonic()
        until_healthy(camera, lambda health: health["ok"])
        print(f"plugged in: the picture is back after {time.monotonic() - back:.1f} s")
    assert "Traceback" not in camera.log()


def test_its_driver_can_be_taken_away(camera: VirtualMachine) -> None:
    """The service lets go of a device that is gone: nothing of it is held open, so that its module can be unloaded."""
    camera.shell(f"echo vivid.0 >{_DEVICE}/unbind")
    until_healthy(camera, lambda health: str(health["reason"]).startswith("there is no /dev/video0"))
    camera.run("rmmod", "vivid")
    load_vivid(camera)
    until_healthy(camera, lambda health: health["ok"])
