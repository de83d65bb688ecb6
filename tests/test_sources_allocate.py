"""Which device each of several cameras gets: never one that another camera has, and the same one after a restart."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pi_stream.config.settings import CameraSettings
from pi_stream.errors import SettingError, SourceUnavailable
from pi_stream.media.source_state import SourceInfo
from pi_stream.sources import SourceSpec, allocate, inventory, open_source, pinned, takes_place
from pi_stream.sources.inventory import PiCamera, matching
from pi_stream.sources.webcam.devices import Device, by_port, port_link
from tests.preloaded import compiled
from tests.stand_in_picamera2 import Plan, installed

FRONT, BACK = "/base/soc/i2c0mux/i2c@0/imx708@1a", "/base/soc/i2c0mux/i2c@1/imx708@1a"
CAMERAS = [{"Model": "imx708", "Id": BACK, "Num": 0}, {"Model": "imx708", "Id": FRONT, "Num": 1}]
PI_CAMERAS = [PiCamera(0, "imx708", "/base/i2c@1/imx708@1a"), PiCamera(1, "imx708_wide", "/base/i2c@0/imx708@1a")]


class Machine:
    """What is plugged in: cameras of libcamera, and webcams by their nodes. A test changes both."""

    def __init__(self, folder: Path) -> None:
        self.plan = Plan(cameras=[])
        self.asked = 0  # how often libcamera was
        self.nodes = folder / "dev"
        self.links = folder / "by-path"
        self.nodes.mkdir()
        self.links.mkdir()

    def plug(self, node: str, port: str = "", index: int = 0) -> str:
        """A webcam appears as this node; with a port, udev makes its link. Returns the path that is stable."""
        path = self.nodes / node
        path.touch()
        if not port:
            return str(path)
        link = self.links / f"pci-usb-0:{port}:1.0-video-index{index}"
        link.symlink_to(path)
        return str(link)

    def unplug(self, path: str) -> None:
        Path(path).resolve().unlink()
        Path(path).unlink(missing_ok=True)

    def webcams(self) -> list[Device]:
        return [Device(str(path), f"cam {path.name}", "uvcvideo") for path in sorted(self.nodes.iterdir())]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    made = Machine(tmp_path)
    monkeypatch.setattr(inventory, "capture_devices", made.webcams)
    monkeypatch.setattr(inventory, "by_port", lambda devices: by_port(devices, str(made.links)))
    with installed(made.plan) as library:

        def noted() -> list[dict[str, Any]]:
            made.asked += 1
            return made.plan.cameras

        monkeypatch.setattr(library, "global_camera_info", staticmethod(noted))
        yield made


def settings(source: Any = "auto", path: str = "") -> CameraSettings:
    return CameraSettings(source=source, path=path, width=64, height=48)


def paths(specs: dict[str, SourceSpec]) -> dict[str, str]:
    return {name: f"{spec.kind} {spec.path}".strip() for name, spec in specs.items()}


def test_each_gets_its_own_in_the_order_of_ports(machine: Machine) -> None:
    """Cameras of libcamera first, then webcams, then the test picture; libcamera is asked once for all."""
    machine.plan.cameras = CAMERAS
    second, first = machine.plug("video0", port="2"), machine.plug("video2", port="1")
    four = {name: settings() for name in ("a", "b", "c", "d")}
    specs = allocate({**four, "e": settings()})
    assert paths(specs) == {
        "a": f"picamera2 {FRONT}",
        "b": f"picamera2 {BACK}",
        "c": f"v4l2 {first}",
        "d": f"v4l2 {second}",
        "e": "synthetic",
    }
    assert machine.asked == 1
    assert specs["a"].why == f"libcamera finds imx708 ({FRONT})"
    assert specs["c"].why == f"a webcam was found at {machine.nodes}/video2 (cam video2)"
    assert specs["e"].why.startswith("every camera that was found is the device of another one")
    assert specs["e"].refused == (
        f"picamera2: every camera is in use: imx708 ({FRONT}) by a, imx708 ({BACK}) by b",
        f"v4l2: every camera is in use: {machine.nodes}/video2 (cam video2) by c, "
        f"{machine.nodes}/video0 (cam video0) by d",
    )
    assert specs["e"].unavailable == ""


def test_the_order_does_not_depend_on_numbers(machine: Machine) -> None:
    """After a restart the same webcams have other numbers, and libcamera another order."""
    two = {"a": settings("v4l2"), "b": settings("v4l2"), "c": settings("picamera2"), "d": settings("picamera2")}
    machine.plan.cameras = CAMERAS
    links = machine.plug("video0", port="1"), machine.plug("video2", port="2")
    before = paths(allocate(two))
    for link in links:
        machine.unplug(link)
    machine.plan.cameras = [*reversed(CAMERAS)]
    assert (machine.plug("video2", port="1"), machine.plug("video0", port="2")) == links
    assert paths(allocate(two)) == before


def test_without_links_the_order_is_that_of_the_numbers(machine: Machine) -> None:
    """Where there is no udev, as in a container."""
    nodes = [machine.plug("video0"), machine.plug("video2")]
    assert [spec.path for spec in allocate({"a": settings(), "b": settings()}).values()] == nodes


def test_a_second_node_of_one_webcam_comes_after_the_other_webcams(machine: Machine) -> None:
    """A webcam may have one for infrared, or for another encoding."""
    first, other = machine.plug("video0", port="1"), machine.plug("video4", port="2")
    second_node = machine.plug("video1", port="1", index=2)
    three = allocate({name: settings() for name in ("a", "b", "c")})
    assert [spec.path for spec in three.values()] == [first, other, second_node]


def test_a_camera_that_is_alone_is_chosen_as_ever(machine: Machine) -> None:
    """By kind only, so that any webcam is opened when it comes."""
    machine.plug("video2", port="1")
    (spec,) = allocate({"camera": settings()}).values()
    assert (spec.kind, spec.path) == ("v4l2", "")
    machine.plan.cameras = CAMERAS
    for path in ("", "imx708", "1"):
        (spec,) = allocate({"camera": settings("picamera2", path)}).values()
        assert (spec.path, spec.unavailable) == (path, "")


def test_who_names_a_device_has_it_before_those_who_do_not(machine: Machine) -> None:
    """Wherever it stands in the settings, and by whichever of its names."""
    machine.plan.cameras = [CAMERAS[0] | {"Model": "ov5647"}, CAMERAS[1]]
    first, second = machine.plug("video0", port="1"), machine.plug("video2", port="2")
    specs = allocate(
        {
            "a": settings(),
            "b": settings("v4l2"),
            "c": settings("v4l2", str(machine.nodes / "video0")),
            "d": settings("picamera2", "1"),
        }
    )
    assert paths(specs) == {
        "a": f"picamera2 {BACK}",
        "b": f"v4l2 {second}",
        "c": f"v4l2 {machine.nodes}/video0",
        "d": f"picamera2 {FRONT}",
    }
    assert first != second


@pytest.mark.parametrize(
    ("path", "chosen"), [("0", BACK), ("1", FRONT), ("OV5647", BACK), (FRONT, FRONT), ("c@1", BACK)]
)
def test_libcamera_s_cameras_by_number_model_and_id(machine: Machine, path: str, chosen: str) -> None:
    """Whatever it is named by, it is opened by its id."""
    machine.plan.cameras = [CAMERAS[0] | {"Model": "ov5647"}, CAMERAS[1]]
    specs = allocate({"a": settings("picamera2", path), "b": settings("synthetic")})
    assert (specs["a"].path, specs["a"].unavailable) == (chosen, "")


def test_a_whole_name_goes_before_a_part_of_one() -> None:
    """imx708 is no imx708_wide."""
    assert matching(PI_CAMERAS, "imx708") == PI_CAMERAS[:1]
    assert matching(PI_CAMERAS, "imx708_wide") == PI_CAMERAS[1:]
    assert matching(PI_CAMERAS, "x708") == PI_CAMERAS
    assert matching(PI_CAMERAS, "2") == matching(PI_CAMERAS, "ov5647") == []


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        (("v4l2", "video0"), "{nodes}/video0 is the device of the camera door already"),
        (("v4l2", "link"), "{link} is the device of the camera door already"),
        (("v4l2", ""), "every camera is in use: {nodes}/video0 (cam video0) by door"),
    ],
)
def test_a_webcam_that_another_camera_has(machine: Machine, second: tuple[str, str], sentence: str) -> None:
    """The second one is told which camera has it; the first one is not touched."""
    link, node = machine.plug("video0", port="1"), str(machine.nodes / "video0")
    kind, path = second
    specs = allocate(
        {"door": settings("v4l2", node), "garden": settings(kind, {"video0": node, "link": link}.get(path, path))}
    )
    assert specs["door"].unavailable == ""
    assert specs["garden"].unavailable == sentence.format(nodes=machine.nodes, link=link)
    with pytest.raises(SourceUnavailable, match="door"):
        open_source(specs["garden"], iter(()))


def test_a_camera_of_libcamera_s_that_another_has_or_that_is_one_of_several(machine: Machine) -> None:
    """Which are named, so that a person can choose."""
    machine.plan.cameras = CAMERAS
    specs = allocate(
        {
            "door": settings("picamera2", "0"),
            "garden": settings("picamera2", BACK),
            "attic": settings("picamera2", "imx708"),
            "yard": settings("picamera2"),
            "shed": settings("picamera2"),
        }
    )
    assert specs["garden"].unavailable == f"{BACK} is the device of the camera door already"
    several = f'several cameras are called "imx708": 1 ({FRONT}) and 0 ({BACK}); choose one by its number or its id'
    assert specs["attic"].unavailable == several
    assert specs["yard"].path == FRONT
    in_use = f"every camera is in use: imx708 ({FRONT}) by yard, imx708 ({BACK}) by door"
    assert (specs["shed"].kind, specs["shed"].path, specs["shed"].unavailable) == ("picamera2", "", in_use)


def test_where_there_is_none_the_reason_is_that_of_a_camera_alone(machine: Machine) -> None:
    """And for a device that is named it is found out when it is opened."""
    specs = allocate(
        {
            "a": settings("picamera2"),
            "b": settings("v4l2"),
            "c": settings("v4l2", "/dev/video9"),
            "d": settings("picamera2", "7"),
            "e": settings(),
        }
    )
    assert specs["a"].unavailable.startswith("no camera found; check both ends of the ribbon cable")
    assert specs["b"].unavailable == "no /dev/video* capture device that can be opened (is a webcam plugged in?)"
    assert (specs["c"].path, specs["c"].unavailable) == ("/dev/video9", "")
    assert (specs["d"].path, specs["d"].unavailable) == ("7", "")
    assert (specs["e"].kind, specs["e"].why) == ("synthetic", "no camera was found, so the test picture is shown")
    assert machine.asked == 1


def test_a_film_that_is_missing_is_an_error_that_names_the_camera(machine: Machine) -> None:
    """Two cameras may show one film."""
    film = str(Path(__file__).parent / "media" / "bunny.mp4")
    both = allocate({"a": settings("file", film), "b": settings(path=film)})
    assert [spec.path for spec in both.values()] == [film, film]
    with pytest.raises(SettingError, match=r"^garden: camera\.path: no such file: /nowhere/film\.mp4$"):
        allocate({"door": settings("synthetic"), "garden": settings("file", "/nowhere/film.mp4")})
    assert machine.asked == 0


def test_later_choices_respect_what_the_other_cameras_hold(machine: Machine) -> None:
    """A camera that is added gets what is free, and nothing is taken from one that runs."""
    first, second = machine.plug("video0", port="1"), machine.plug("video2", port="2")
    held = allocate({"a": settings("v4l2", second), "b": settings("synthetic")})
    assert paths(allocate({"c": settings()}, held)) == {"c": f"v4l2 {first}"}
    held |= allocate({"c": settings()}, held)
    (late,) = allocate({"d": settings()}, held).values()
    assert late.kind == "synthetic"


def test_one_that_was_alone_keeps_what_it_has_when_another_comes(machine: Machine) -> None:
    """It was chosen by its kind only: from now on it is the device that it has open, or else the first."""
    first, second = machine.plug("video0", port="1"), machine.plug("video2", port="2")
    (alone,) = allocate({"a": settings()}).values()
    info = SourceInfo(kind="v4l2", width=64, height=48, device=str(machine.nodes / "video2"))
    opened = replace(pinned(alone, info), path=port_link(info.device or "", str(machine.links)))
    assert paths(allocate({"b": settings()}, {"a": opened})) == {"b": f"v4l2 {first}"}
    assert paths(allocate({"b": settings()}, {"a": alone})) == {"b": f"v4l2 {second}", "a": f"v4l2 {first}"}
    assert pinned(opened, info) is opened
    assert pinned(alone, SourceInfo(kind="v4l2", width=64, height=48)) is alone


def test_a_camera_keeps_its_device_when_it_is_chosen_again(machine: Machine) -> None:
    """Also where a new webcam would come first; one whose webcam is gone gets a new one, not another camera's."""
    second, third = machine.plug("video0", port="2"), machine.plug("video2", port="3")
    wanted = {"a": settings("v4l2"), "b": settings("v4l2")}
    had = allocate(wanted)
    assert paths(had) == {"a": f"v4l2 {second}", "b": f"v4l2 {third}"}
    first = machine.plug("video4", port="1")
    assert paths(allocate(wanted, had=had)) == paths(had)
    machine.unplug(second)
    again = allocate(wanted, had=had)
    assert paths(again) == {"a": f"v4l2 {first}", "b": f"v4l2 {third}"}
    assert takes_place(again["a"], had["a"], online=False)
    assert not takes_place(again["a"], had["a"], online=True)
    assert not takes_place(again["b"], had["b"], online=False)
    machine.unplug(first)
    (none, _) = allocate(wanted, had=had).values()
    assert none.unavailable
    assert not takes_place(none, had["a"], online=False)
    assert takes_place(again["a"], none, online=False)


# Two webcams are opened at once; then the first comes back under another number. The folder stands for /dev.
TWO_WEBCAMS = """
import itertools, json, os, sys
from pathlib import Path
from pi_stream.config.settings import CameraSettings
from pi_stream.errors import SourceUnavailable
from pi_stream.sources import allocate, inventory, open_source
from pi_stream.sources.webcam.devices import by_port, capture_devices
from tests.stand_in_picamera2 import Plan, installed
folder, links = Path(sys.argv[1]), Path(sys.argv[2])
inventory.capture_devices = lambda: capture_devices(str(folder))
inventory.by_port = lambda devices: by_port(devices, str(links))

def plug(*nodes):
    for port, node in enumerate(nodes):
        link = links / f"usb-0:{port}:1.0-video-index0"
        link.unlink(missing_ok=True)
        if node:
            (folder / node).touch()
            link.symlink_to(folder / node)
    for path in folder.iterdir():
        if path.name not in nodes:
            path.unlink()
    os.environ["STAND_IN_DEVICE"] = ":".join(str(folder / node) if node else "" for node in nodes)

def opened(spec):
    try:
        return open_source(spec, itertools.count())
    except SourceUnavailable as error:
        return str(error).replace(str(links), "LINKS")

def lumas(sources):
    return [int(source.read().y[0, 0]) >= 230 for source in sources]

wanted = {name: CameraSettings(width=320, height=240, fps=50) for name in ("a", "b")}
plug("video77", "video79")
with installed(Plan(cameras=[])):
    specs = allocate(wanted)
sources = [opened(spec) for spec in specs.values()]
seen = [lumas(sources), [source.info().name for source in sources]]
plug("", "video79")
try:
    sources[0].read()
except SourceUnavailable as error:
    seen.append(str(error).rpartition("/")[2])
sources[0].close()
seen += [opened(specs["a"]), lumas(sources[1:])]
plug("video80", "video79")
sources[0] = opened(specs["a"])
print(json.dumps([*seen, lumas(sources), sources[0].info().name]))
"""


def test_two_webcams_at_once(tmp_path: Path) -> None:
    """Each camera shows its own; one that is unplugged and comes back is the same camera under any number."""
    folder, links = tmp_path / "dev", tmp_path / "by-path"
    folder.mkdir()
    links.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", TWO_WEBCAMS, str(folder), str(links)],
        env={**os.environ, "LD_PRELOAD": str(compiled("stand_in_v4l2", tmp_path))},
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        [False, True],
        ["A webcam for tests", "Another webcam for tests"],
        "usb-0:0:1.0-video-index0 went away; is the camera's plug loose, or its power low?",
        "there is no LINKS/usb-0:0:1.0-video-index0; is the camera plugged in?",
        [True],
        [False, True],
        "A webcam for tests",
    ]


def test_two_cameras_of_libcamera_s_at_once(machine: Machine) -> None:
    """Each by its number, in one process; one that is open is not opened twice."""
    machine.plan.cameras = CAMERAS
    specs = allocate({"a": settings("picamera2"), "b": settings("picamera2")})
    sources = [open_source(spec, iter(range(9))) for spec in specs.values()]
    try:
        assert [source.info().device for source in sources] == [FRONT, BACK]
        with pytest.raises(SourceUnavailable, match="the camera is busy"):
            open_source(specs["a"], iter(()))
    finally:
        for source in sources:
            source.close()
