"""The doctor's checks of the camera: found, free, allowed, with memory enough."""

import importlib.metadata
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pi_stream.doctor import DoctorCamera, DoctorContext, Finding, Machine, Webcam
from pi_stream.doctor.camera_memory import check_camera_memory, needed_bytes
from pi_stream.doctor.cameras import check_cameras
from pi_stream.doctor.device_users import check_device_users, locking_processes
from pi_stream.doctor.rights import check_rights
from tests.machines import IMX708, NO_CAMERA, Tree, laptop, pi_4, pi_5, zero_2

LISTING = Path(__file__).parent.parent / "pi_stream" / "doctor" / "list_cameras.py"
WEBCAM = Webcam("/dev/video0", "Integrated Camera")
STATE = Path("/var/lib/pi-stream")
Build = Callable[[Path], Tree]


def one_camera(webcams: Sequence[Webcam] = (), **camera: Any) -> DoctorContext:
    """Settings with one camera."""
    return several(DoctorCamera(**camera), webcams=webcams)


def several(*cameras: DoctorCamera, webcams: Sequence[Webcam] = (), **more: Any) -> DoctorContext:
    """Settings with these cameras."""
    return DoctorContext(state=STATE, cameras=cameras, webcams=lambda: webcams, **more)


AUTO, PI_CAMERA = one_camera(), one_camera(source="picamera2")


def worst(findings: list[Finding], level: str) -> Finding:
    """The one finding that is not all right, which has this level."""
    (found,) = [each for each in findings if each.level != "ok"]
    assert found.level == level, found
    assert found.fix is not None or level == "unknown", found
    return found


def said(findings: list[Finding]) -> str:
    return "\n".join(f"{each.level} {each.what}" for each in findings)


@pytest.fixture
def picamera2_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As apt has it; the version is read of what is installed."""
    version = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.3.38" if name == "picamera2" else version(name))


# --- found


@pytest.mark.parametrize("build", [pi_5, pi_4, zero_2])
@pytest.mark.usefixtures("picamera2_installed")
def test_a_camera_on_the_ribbon_is_named_with_both_libraries(tmp_path: Path, build: Build) -> None:
    """With their versions, which is what people are asked for first."""
    findings = check_cameras(build(tmp_path).machine, AUTO)
    assert said(findings) == "ok libcamera 0.7.1, picamera2 0.3.38\nok imx708 (libcamera)"


@pytest.mark.usefixtures("picamera2_installed")
def test_no_camera_on_a_pi_is_a_fault_whose_mend_begins_with_the_ribbon(tmp_path: Path) -> None:
    """And says which command shows whether it helped."""
    tree = Tree(tmp_path)
    tree.write("/proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")
    tree.libcamera(NO_CAMERA)
    found = worst(check_cameras(tree.machine, AUTO), "fault")
    assert found.fix is not None
    assert "ribbon" in found.fix
    assert "`rpicam-hello --list-cameras`" in found.fix


@pytest.mark.usefixtures("picamera2_installed")
@pytest.mark.parametrize(
    ("text", "what", "fix"),
    [
        (
            "camera_auto_detect=0\n",
            "does not enable detection",
            "Add camera_auto_detect=1 to /boot/firmware/config.txt",
        ),
        ("#camera_auto_detect=1\n", "does not enable detection", "Add camera_auto_detect=1"),
        ("start_x=1\ngpu_mem=128\n", "legacy camera stack", "Delete start_x=1"),
        ("camera_auto_detect = 0\ndtoverlay=imx219\n", "no camera was found", "ribbon"),
    ],
)
def test_settings_of_the_start_that_hide_the_camera_are_named(tmp_path: Path, text: str, what: str, fix: str) -> None:
    """config.txt: not asked to look, asked for the old stack, or told which sensor there is."""
    tree = Tree(tmp_path)
    tree.write("/proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    tree.write("/boot/firmware/config.txt", text)
    tree.libcamera(NO_CAMERA)
    found = worst(check_cameras(tree.machine, AUTO), "fault")
    assert what in found.what
    assert fix in (found.fix or "")


@pytest.mark.usefixtures("picamera2_installed")
def test_a_sensor_of_which_libcamera_makes_no_camera_is_told_apart_from_none(tmp_path: Path) -> None:
    """The ribbon is right then, and the motor of the lens is no sensor."""
    tree = pi_5(tmp_path)
    tree.libcamera(NO_CAMERA)
    found = worst(check_cameras(tree.machine, AUTO), "fault")
    assert "the kernel has imx708, but" in found.what
    assert "dw9807" not in found.what


def test_picamera2_that_is_missing_on_a_pi_is_told_with_the_command_that_installs_it(tmp_path: Path) -> None:
    """Both where libcamera is missing, too, and where it is not."""
    tree = pi_4(tmp_path)
    found = worst(check_cameras(tree.machine, AUTO), "warning")
    assert "picamera2 is not installed" in found.what
    tree.libcamera({"missing": "No module named 'libcamera'"})
    found = worst(check_cameras(tree.machine, AUTO), "fault")
    assert "apt install python3-picamera2" in (found.fix or "")


def test_a_webcam_is_camera_enough_for_a_pc(tmp_path: Path) -> None:
    """libcamera is not missed there."""
    context = DoctorContext(state=STATE, webcams=lambda: [WEBCAM])
    findings = check_cameras(laptop(tmp_path).machine, context)
    assert {each.level for each in findings} == {"ok"}
    assert "Integrated Camera at /dev/video0" in said(findings)


@pytest.mark.parametrize("source", ["v4l2", "auto"])
def test_a_webcam_may_be_named_by_a_link(tmp_path: Path, source: str) -> None:
    """udev's own, which stays when numbers change; one that leads elsewhere is told by the name in the settings."""
    tree = laptop(tmp_path)
    link = "/dev/v4l/by-id/usb-046d_C270-video-index0"
    tree.link(link, "../../video0")
    context = one_camera(webcams=[WEBCAM], source=source, path=link)
    assert said(check_cameras(tree.machine, context)) == "ok Integrated Camera at /dev/video0 (V4L2)"
    (tree.root / link.lstrip("/")).unlink()
    for target in ("../../video1", "../../video7", Path(link).name):  # no camera, nothing, and round and round
        tree.link(link, target)
        assert link in worst(check_cameras(tree.machine, context), "fault").what
        (tree.root / link.lstrip("/")).unlink()


def test_without_a_webcam_a_pc_is_warned_and_refused_what_its_settings_ask_for(tmp_path: Path) -> None:
    """The picture is made up, which is no fault unless a webcam was asked for."""
    tree = laptop(tmp_path)
    assert worst(check_cameras(tree.machine, AUTO), "warning").what == "no camera was found"
    assert worst(check_cameras(tree.machine, one_camera(source="v4l2")), "fault").what == "no webcam was found"


@pytest.mark.usefixtures("picamera2_installed")
def test_a_camera_that_the_settings_name_and_is_not_there_is_a_fault(tmp_path: Path) -> None:
    """Another one is no consolation: it would not be taken."""
    webcam = one_camera(webcams=[WEBCAM], source="v4l2", path="/dev/video7")
    found = worst(check_cameras(laptop(tmp_path / "pc").machine, webcam), "fault")
    assert "/dev/video7" in found.what
    assert "/dev/video0" in (found.fix or "")
    tree = pi_5(tmp_path / "pi")
    assert (
        '"imx219"'
        in worst(
            check_cameras(tree.machine, one_camera(source="picamera2", path="imx219")),
            "fault",
        ).what
    )
    for path in ("0", "IMX708", "imx708@1a"):
        assert said(check_cameras(tree.machine, one_camera(source="picamera2", path=path))).count("fault") == 0


def test_who_shows_a_film_needs_no_camera(tmp_path: Path) -> None:
    """Nor rights, nor camera memory."""
    context = one_camera(source="file", path="film.mp4")
    machine = pi_5(tmp_path).machine
    findings = [
        *check_cameras(machine, context),
        *check_rights(machine, context),
        *check_camera_memory(machine, context),
    ]
    assert {each.level for each in findings} == {"ok"}


def test_a_camera_in_use_is_not_disturbed(tmp_path: Path) -> None:
    """libcamera sets registers of the sensor when it looks: it is not asked while somebody takes pictures."""
    tree = pi_4(tmp_path)
    tree.answers["libcamera"] = AssertionError("it was asked")
    tree.process(812, "rpicam-vid", "/dev/media1")
    tree.lock(812, "/dev/media1")
    assert "imx708 (libcamera, in use" in said(check_cameras(tree.machine, AUTO))
    tree.write("/proc/locks", "")
    held = DoctorContext(state=STATE, holds_camera=lambda: True)
    assert "imx708 (libcamera, in use" in said(check_cameras(tree.machine, held))


def _listed(folder: Path, libcamera: str) -> dict[str, Any]:
    """What the program prints that asks this libcamera."""
    (folder / "libcamera.py").write_text(libcamera, encoding="utf-8")
    answer = subprocess.run(
        [sys.executable, "-P", LISTING],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        check=True,
        timeout=20,
    )
    told: dict[str, Any] = json.loads(answer.stdout)
    return told


def test_who_may_not_open_the_devices_is_not_told_of_the_ribbon(tmp_path: Path) -> None:
    """libcamera would find nothing, and the ribbon would be to blame for it."""
    tree = pi_4(tmp_path)
    tree.closed = "media"
    found = worst(check_cameras(tree.machine, AUTO), "fault")
    assert "/dev/media0, /dev/media1 cannot be opened" in found.what
    assert "rights" in (found.fix or "")


@pytest.mark.parametrize(
    ("error", "level", "words"),
    [
        (subprocess.TimeoutExpired(["python3"], 5.0), "warning", "libcamera gave no answer within 5 s"),
        (subprocess.CalledProcessError(-6, ["python3"], stderr="x\nFATAL Camera"), "unknown", "failed: FATAL Camera"),
    ],
)
def test_a_libcamera_that_hangs_or_falls_takes_nothing_with_it(
    tmp_path: Path, error: Exception, level: str, words: str
) -> None:
    """Webcams are looked for all the same."""
    tree = pi_4(tmp_path)
    tree.answers["libcamera"] = error
    findings = check_cameras(tree.machine, DoctorContext(state=STATE, webcams=lambda: [WEBCAM]))
    assert words in worst(findings, level).what
    assert "Integrated Camera" in said(findings)


def test_libcamera_is_asked_by_a_program_of_its_own(tmp_path: Path) -> None:
    """That program prints what libcamera says of itself; and where there is none, that."""
    libcamera = (
        "from enum import Enum\n"
        "from types import SimpleNamespace as Some\n"
        "Control = Enum('Control', ['Model', 'Location'])\n"
        "camera = Some(id='/base/soc/i2c0mux/i2c@1/imx219@10', properties={Control.Model: 'imx219'})\n"
        "class CameraManager:\n"
        "    singleton = staticmethod(lambda: Some(version='v0.7.1', cameras=[camera]))\n"
    )
    camera = {"id": "/base/soc/i2c0mux/i2c@1/imx219@10", "model": "imx219"}
    assert _listed(tmp_path, libcamera) == {"version": "v0.7.1", "cameras": [camera]}
    assert _listed(tmp_path, "raise ImportError('libcamera-base.so.0.7')") == {"missing": "libcamera-base.so.0.7"}


def test_the_program_prints_the_same_when_it_is_run_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process, whose coverage is measured; a camera without a model has its id for a name."""
    (tmp_path / "libcamera.py").write_text(
        "from types import SimpleNamespace as Some\n"
        "camera = Some(id='/base/i2c@1/imx219@10', properties={})\n"
        "class CameraManager:\n"
        "    singleton = staticmethod(lambda: Some(version='v0.7.1', cameras=[camera]))\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "libcamera", raising=False)
    runpy.run_module("pi_stream.doctor.list_cameras", run_name="__main__")
    camera = {"id": "/base/i2c@1/imx219@10", "model": "/base/i2c@1/imx219@10"}
    assert json.loads(capsys.readouterr().out) == {"version": "v0.7.1", "cameras": [camera]}
    monkeypatch.setitem(sys.modules, "libcamera", None)
    runpy.run_module("pi_stream.doctor.list_cameras", run_name="__main__")
    assert set(json.loads(capsys.readouterr().out)) == {"missing"}


# --- in use


def test_the_program_that_has_the_camera_is_named_with_how_to_end_it(tmp_path: Path) -> None:
    """By its short name and unit; what it was started with is nobody's business."""
    tree = pi_4(tmp_path)
    tree.process(812, "motion", "/dev/video0", "/dev/media1", unit="motion.service", arguments="--password=secret")
    tree.lock(812, "/dev/media1")
    found = worst(check_device_users(tree.machine, AUTO), "fault")
    assert found.what == "motion (812) is taking pictures with /dev/media1, /dev/video0"
    assert "`sudo systemctl stop motion.service`" in (found.fix or "")
    assert "secret" not in repr(found)


def test_a_lock_names_its_owner_even_where_its_files_are_hidden(tmp_path: Path) -> None:
    """/proc/locks is open to all."""
    tree = pi_4(tmp_path)
    tree.process(900, "rpicam-vid")
    tree.lock(900, "/dev/media0")
    assert (
        "rpicam-vid (900) is taking pictures with a camera"
        in worst(check_device_users(tree.machine, AUTO), "fault").what
    )


def test_a_lock_is_found_as_the_kernel_shows_it(tmp_path: Path) -> None:
    """On this machine's own /proc: a process locks a file as libcamera does."""
    node = tmp_path / "dev" / "media0"
    node.parent.mkdir()
    node.touch()
    (tmp_path / "proc").symlink_to("/proc")
    program = (
        "import os, sys; file = open(sys.argv[1], 'r+'); os.lockf(file.fileno(), os.F_TLOCK, 0)\n"
        "print('locked', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(node)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"locked\n"
            if f":{node.stat().st_ino} " not in Path("/proc/locks").read_text():
                pytest.skip("this kernel, or its container, shows no such lock in /proc/locks")
            assert locking_processes(Machine(root=tmp_path)) == {child.pid}
        finally:
            child.communicate(timeout=20)
    assert locking_processes(Machine(root=tmp_path)) == set()


@pytest.mark.parametrize(
    "unit", ["user-1000.slice/user@1000.service/app.slice/recorder.service", "$(reboot).service", "a b.service"]
)
def test_a_command_to_copy_has_no_name_in_it_that_a_user_chose(tmp_path: Path, unit: str) -> None:
    """A user's own unit is none of the system's, and may be called like a command."""
    tree = pi_4(tmp_path)
    tree.process(900, "recorder", "/dev/media0", unit=unit)
    tree.lock(900, "/dev/media0")
    found = worst(check_device_users(tree.machine, AUTO), "fault")
    assert found.what == "recorder (900) is taking pictures with /dev/media0"
    assert found.fix is not None
    assert "`sudo kill 900`" in found.fix


def test_a_programs_name_steers_no_terminal(tmp_path: Path) -> None:
    """Nor does it look like a command: who starts a program may call it as they like."""
    tree = pi_4(tmp_path)
    tree.process(900, "\x1b[2J`rm x`\x9b", "/dev/media0")
    tree.lock(900, "/dev/media0")
    found = worst(check_device_users(tree.machine, AUTO), "fault")
    assert found.what == "\ufffd[2J'rm x'\ufffd (900) is taking pictures with /dev/media0"


def test_who_only_lists_cameras_is_in_nobodys_way(tmp_path: Path) -> None:
    """PipeWire has them open all day, and a browser has the decoders."""
    tree = pi_4(tmp_path)
    tree.process(700, "wireplumber", "/dev/media0", "/dev/video0")
    tree.process(701, "chromium", "/dev/video10")
    findings = check_device_users(tree.machine, AUTO)
    assert said(findings) == "ok wireplumber (700) has /dev/media0, /dev/video0 open, but takes no pictures"


def test_pi_stream_itself_is_no_stranger(tmp_path: Path) -> None:
    """By its name or its unit."""
    tree = pi_4(tmp_path)
    tree.process(650, "python3", "/dev/media1", unit="pi-stream.service")
    tree.lock(650, "/dev/media1")
    assert said(check_device_users(tree.machine, AUTO)) == "ok pi-stream itself (650) has /dev/media1 open"


def test_who_has_a_webcam_open_may_be_in_the_way(tmp_path: Path) -> None:
    """Whether it takes pictures cannot be seen."""
    tree = laptop(tmp_path)
    tree.process(2000, "cheese", "/dev/video0")
    assert "cheese (2000) has /dev/video0 open" in worst(check_device_users(tree.machine, AUTO), "warning").what


def test_what_belongs_to_others_is_said_not_to_have_been_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With how to look at it."""
    iterdir = Path.iterdir

    def closed(path: Path) -> Iterator[Path]:  # nothing is really closed to root, who may run this test
        if path.parent.name == "1":
            raise PermissionError(13, "Permission denied", str(path))
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", closed)
    found = worst(check_device_users(pi_4(tmp_path).machine, AUTO), "unknown")
    assert "1 program of other users" in found.what
    assert "sudo pi-stream doctor" in (found.fix or "")


def test_a_service_from_which_others_are_hidden_says_so(tmp_path: Path) -> None:
    """Under ProtectProc= not even the first process is to be seen."""
    tree = pi_4(tmp_path)
    (tmp_path / "proc/1/fd").rmdir()
    (tmp_path / "proc/1/comm").unlink()
    (tmp_path / "proc/1").rmdir()
    assert "hidden" in worst(check_device_users(tree.machine, AUTO), "unknown").what
    held = DoctorContext(state=STATE, holds_camera=lambda: True)
    assert said(check_device_users(tree.machine, held)) == "ok pi-stream itself uses the camera"


# --- allowed


def test_who_may_open_all_devices_is_told_so(tmp_path: Path) -> None:
    """And how many there are."""
    assert said(check_rights(pi_4(tmp_path).machine, AUTO)).startswith("ok pi, in group video, may open all ")


def test_who_is_in_no_group_video_is_told_the_command(tmp_path: Path) -> None:
    """With the group that the device has, and the person's own name."""
    tree = pi_4(tmp_path)
    tree.user, tree.groups, tree.closed = "ana", {"ana"}, "media"
    found = worst(check_rights(tree.machine, AUTO), "fault")
    group = (tmp_path / "dev/media0").group()
    assert found.what == "ana may not open /dev/media0, /dev/media1"
    if group != "root":
        assert f"`sudo usermod -aG {group} ana`" in (found.fix or "")


def test_who_became_a_member_since_has_to_log_in_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """/etc/group knows already what the session does not."""
    tree = pi_4(tmp_path)
    tree.groups, tree.closed = {"pi"}, "media"
    monkeypatch.setattr(Path, "group", lambda path: "video")  # noqa: ARG005 - a test need not be in that group
    fix = worst(check_rights(tree.machine, AUTO), "fault").fix or ""
    assert "log out and in again" in fix
    assert "usermod" not in fix


def test_heaps_that_udev_gave_to_root_are_told_with_the_package_that_has_the_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a system that is not Raspberry Pi OS."""
    tree = pi_4(tmp_path)
    tree.closed = "dma_heap"
    monkeypatch.setattr(Path, "group", lambda path: "root")  # noqa: ARG005 - a test need not be root
    assert "raspberrypi-sys-mods" in (worst(check_rights(tree.machine, AUTO), "fault").fix or "")


def test_devices_of_an_unknown_group_and_no_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group without a name has its number; without devices there is nothing to open."""
    tree = pi_4(tmp_path / "pi")
    tree.groups, tree.closed = {"pi"}, "dev"

    def no_name(path: Path) -> str:
        raise KeyError(path)

    monkeypatch.setattr(Path, "group", no_name)
    found = worst(check_rights(tree.machine, AUTO), "fault")
    assert found.what.startswith("pi may not open /dev/media0, /dev/media1, /dev/video0 and ")
    assert f"`sudo usermod -aG {os.getgid()} pi`" in (found.fix or "")
    assert said(check_rights(Tree(tmp_path / "none").machine, AUTO)) == "ok there are no camera devices"


# --- memory for it


def test_a_pi_5_has_all_of_its_memory_for_the_camera(tmp_path: Path) -> None:
    """Its small CMA is none of the camera's business."""
    assert said(check_camera_memory(pi_5(tmp_path).machine, AUTO)).endswith("vidbuf_cached, which is all of the memory")


@pytest.mark.parametrize("build", [pi_4, zero_2])
def test_contiguous_memory_that_suffices_is_said_with_its_size(tmp_path: Path, build: Build) -> None:
    """720p goes into every board's."""
    tree = build(tmp_path)
    findings = check_camera_memory(tree.machine, AUTO)
    assert [each.level for each in findings] == ["ok", "ok"]
    assert "MiB free" in findings[1].what


@pytest.mark.parametrize(("ram", "size"), [(3884360, "cma-256"), (426068, "cma-128")])
def test_too_little_contiguous_memory_names_the_size_to_set_and_where(tmp_path: Path, ram: int, size: str) -> None:
    """The overlay allows the larger sizes from 1 GB of memory up only."""
    tree = pi_4(tmp_path)
    tree.meminfo(MemTotal=ram, MemAvailable=200000, CmaTotal=65536, CmaFree=60000)
    context = one_camera(width=4056, height=3040)
    found = worst(check_camera_memory(tree.machine, context), "fault")
    assert f"needs about {needed_bytes(4056, 3040) >> 20} MiB" in found.what
    assert f"`dtoverlay=vc4-kms-v3d,{size}`" in (found.fix or "")
    assert "/boot/firmware/config.txt" in (found.fix or "")


def test_contiguous_memory_that_others_use_is_a_warning_until_the_camera_itself_has_it(tmp_path: Path) -> None:
    """Little is free while pi-stream streams, and that is right so."""
    tree = pi_4(tmp_path)
    tree.meminfo(MemTotal=3884360, MemAvailable=200000, CmaTotal=262144, CmaFree=4000)
    assert "3 MiB free" in worst(check_camera_memory(tree.machine, AUTO), "warning").what
    held = DoctorContext(state=STATE, holds_camera=lambda: True)
    assert "fault" not in said(check_camera_memory(tree.machine, held)) + said(check_camera_memory(tree.machine, held))
    assert {each.level for each in check_camera_memory(tree.machine, held)} == {"ok"}


def test_a_kernel_that_does_not_report_contiguous_memory_is_unknown(tmp_path: Path) -> None:
    """As one without CMA."""
    tree = pi_4(tmp_path)
    tree.meminfo(MemTotal=3884360, MemAvailable=200000)
    assert "does not report" in worst(check_camera_memory(tree.machine, AUTO), "unknown").what


def test_without_a_heap_there_is_no_picture(tmp_path: Path) -> None:
    """As with another kernel than Raspberry Pi OS's."""
    tree = Tree(tmp_path)
    tree.write("/proc/device-tree/model", "Raspberry Pi 3 Model B Rev 1.2\0")
    assert "/dev/dma_heap/vidbuf_cached" in worst(check_camera_memory(tree.machine, PI_CAMERA), "fault").what


def test_every_camera_of_libcamera_is_named(tmp_path: Path) -> None:
    """USB cameras, which V4L2 has as well, are left to it."""
    tree = pi_5(tmp_path)
    usb = {"id": r"\_SB_.PCI0.XHCI.RHUB.HS04-4:1.0-046d:0825/usb", "model": "C270"}
    tree.libcamera({**IMX708, "cameras": [*IMX708["cameras"], {"id": "/base/ov5647@36", "model": "ov5647"}, usb]})
    findings = said(check_cameras(tree.machine, AUTO))
    assert "ok ov5647 (libcamera)\nok imx708 (libcamera)" in findings
    assert "C270" not in findings


# --- several cameras

TWO_RIBBONS = {**IMX708, "cameras": [*IMX708["cameras"], {"id": "/base/i2c@80000/ov5647@36", "model": "ov5647"}]}
SECOND = Webcam("/dev/video2", "C270")


def door(**settings: Any) -> DoctorCamera:
    """A camera of the settings, called door."""
    return DoctorCamera(name="door", **settings)


def garden(**settings: Any) -> DoctorCamera:
    """Another one, called garden."""
    return DoctorCamera(name="garden", **settings)


@pytest.mark.usefixtures("picamera2_installed")
def test_each_camera_takes_a_device_that_no_other_has(tmp_path: Path) -> None:
    """A camera with a path takes its device first; the others take what is left, Pi cameras before webcams."""
    tree = pi_5(tmp_path)
    tree.libcamera(TWO_RIBBONS)
    two = several(door(), garden(source="picamera2", path="imx708"))
    assert {each.level for each in check_cameras(tree.machine, two)} == {"ok"}
    mixed = several(door(), garden(source="picamera2", path="1"), DoctorCamera(name="yard"), webcams=[WEBCAM])
    assert {each.level for each in check_cameras(tree.machine, mixed)} == {"ok"}


@pytest.mark.usefixtures("picamera2_installed")
@pytest.mark.parametrize(("source", "level"), [("auto", "warning"), ("picamera2", "fault")])
def test_a_camera_for_which_none_is_left_is_named(tmp_path: Path, source: str, level: str) -> None:
    """With what the others have; source "auto" shows a test picture then, which is only a warning."""
    tree = pi_5(tmp_path)
    found = worst(check_cameras(tree.machine, several(door(), garden(source=source))), level)
    assert found.what == "garden: no camera is left for it: 1 was found, for door"
    assert "Connect another camera" in (found.fix or "")


@pytest.mark.usefixtures("picamera2_installed")
def test_of_two_cameras_of_one_model_each_is_named_by_its_number_or_id(tmp_path: Path) -> None:
    """The model alone would be either; numbers are picamera2's. A single camera takes the first of them."""
    tree = pi_5(tmp_path)
    low, high = (f"/base/axi/pcie@1000120000/rp1/i2c@{bus}/imx708@1a" for bus in (80000, 88000))
    tree.libcamera({**IMX708, "cameras": [{"id": low, "model": "imx708"}, {"id": high, "model": "imx708"}]})
    both = several(door(source="picamera2", path="imx708"), garden(source="picamera2", path="1"))
    found = worst(check_cameras(tree.machine, both), "fault")
    assert found.what == f'door: several cameras are called "imx708": {high} and {low}'
    same = several(door(source="picamera2", path="i2c@80000"), garden(source="picamera2", path="1"))
    assert worst(check_cameras(tree.machine, same), "fault").what == "garden: 1 is already the device of door"
    assert {each.level for each in check_cameras(tree.machine, one_camera(source="picamera2", path="imx708"))} == {"ok"}


def test_two_cameras_with_one_device_are_a_fault(tmp_path: Path) -> None:
    """Also if a link leads to it."""
    tree = laptop(tmp_path)
    tree.link("/dev/v4l/by-id/usb-C270", "../../video0")
    context = several(
        door(source="v4l2", path="/dev/video0"),
        garden(source="v4l2", path="/dev/v4l/by-id/usb-C270"),
        webcams=[WEBCAM, SECOND],
    )
    found = worst(check_cameras(tree.machine, context), "fault")
    assert found.what == "garden: /dev/v4l/by-id/usb-C270 is already the device of door"


def test_each_camera_without_a_device_is_named(tmp_path: Path) -> None:
    """A webcam that is not plugged in does not hide that the other camera has none, either."""
    context = several(
        door(source="v4l2", path="/dev/video7"), garden(source="v4l2", path="/dev/video2"), webcams=[SECOND]
    )
    found = worst(check_cameras(laptop(tmp_path / "1").machine, context), "fault")
    assert found.what == "door: the camera of the settings, /dev/video7, was not found"
    none = several(door(source="v4l2"), garden(source="picamera2"), DoctorCamera(name="yard", path="film.mp4"))
    text = said(check_cameras(laptop(tmp_path / "2").machine, none))
    assert "fault libcamera is not installed for this Python" in text
    assert "fault door: no webcam was found" in text
    assert "ok yard: no device is needed: camera.path is a video file" in text


def test_cameras_in_use_are_not_counted(tmp_path: Path) -> None:
    """libcamera is not queried then, so how many it has is not known."""
    context = several(door(), garden(source="picamera2", path="ov5647"), holds_camera=lambda: True)
    assert {each.level for each in check_cameras(pi_5(tmp_path).machine, context)} == {"ok"}


def test_the_memory_of_all_pi_cameras_is_summed(tmp_path: Path) -> None:
    """48 MiB are enough for one camera of this size, and not for two."""
    tree = pi_4(tmp_path)
    tree.meminfo(MemTotal=3884360, MemAvailable=200000, CmaTotal=49152, CmaFree=49152)
    large = {"source": "picamera2", "width": 2304, "height": 1296}
    one, other = door(**large), garden(**large)
    assert {each.level for each in check_camera_memory(tree.machine, several(one, garden(source="v4l2")))} == {"ok"}
    found = worst(check_camera_memory(tree.machine, several(one, other)), "fault")
    assert (
        f"door: 2304 x 1296 and garden: 2304 x 1296 need about {2 * needed_bytes(2304, 1296) >> 20} MiB" in found.what
    )


def test_a_device_is_listed_with_the_camera_that_has_it(tmp_path: Path) -> None:
    """Both where another program uses it, and where this user may not open it."""
    tree = laptop(tmp_path)
    context = several(door(source="v4l2", path="/dev/video0"), garden(source="v4l2", path="/dev/video1"))
    tree.process(2000, "cheese", "/dev/video1")
    assert (
        worst(check_device_users(tree.machine, context), "warning").what
        == "cheese (2000) has /dev/video1 (garden) open"
    )
    tree.closed = "video0"
    assert worst(check_rights(tree.machine, context), "fault").what == "pi may not open /dev/video0 (door)"
