"""The doctor's checks of the machine: power, memory, port, storage, fonts, time, service, settings."""

import os
import pwd
import socket
import subprocess
from pathlib import Path

import pytest

from pi_stream.doctor import DoctorContext, Finding, Machine
from pi_stream.doctor.encodings import check_encodings
from pi_stream.doctor.fonts import check_fonts
from pi_stream.doctor.machine import _group_name, run_program
from pi_stream.doctor.memory import check_memory
from pi_stream.doctor.port import check_port
from pi_stream.doctor.power import check_power, check_temperature
from pi_stream.doctor.settings import check_settings
from pi_stream.doctor.storage import check_storage
from pi_stream.doctor.system import check_system
from pi_stream.doctor.time_sync import check_time
from pi_stream.doctor.unit import check_unit
from pi_stream.errors import SettingError
from tests.machines import PI_4, Tree, laptop, pi_4, pi_5, zero_2

STATE = Path("/var/lib/pi-stream")
SOME = DoctorContext(state=STATE)
NOVEMBER = 1_795_000_000.0  # seconds since 1970; in 2026
THROTTLED = "/sys/devices/platform/soc/soc:firmware/get_throttled"


def one(findings: list[Finding], level: str, *words: str) -> Finding:
    """The only finding, of this level, in whose sentences these words are."""
    (found,) = findings
    assert found.level == level, found
    for each in words:
        assert each in f"{found.what}\n{found.fix}"
    return found


# --- power and heat


@pytest.mark.parametrize(
    ("bits", "level", "words"),
    [
        ("0", "ok", "no throttling since boot"),
        ("50005", "warning", "voltage is too low now"),
        ("50000", "warning", "voltage was too low at some time since boot"),
        ("80008", "warning", "throttled now, because of heat"),
        ("e0000", "warning", "was throttled since boot"),
        ("20002", "warning", "throttled now"),
    ],
)
@pytest.mark.parametrize("end", ["", "\n"])  # the driver of some kernels ends the line, that of others does not
def test_the_firmwares_bits_are_put_into_words(tmp_path: Path, bits: str, level: str, words: str, end: str) -> None:
    """Low voltage comes before heat, and now before since."""
    tree = pi_4(tmp_path)
    tree.write(THROTTLED, bits + end)
    one(check_power(tree.machine), level, words)


def test_vcgencmd_is_asked_where_the_kernel_has_no_such_file(tmp_path: Path) -> None:
    """And where there is neither, the kernel's watch on the supply."""
    tree = pi_5(tmp_path)
    (tmp_path / THROTTLED.lstrip("/")).unlink()
    tree.answers["vcgencmd"] = "throttled=0x50005"
    one(check_power(tree.machine), "warning", "voltage is too low now", "power supply")
    del tree.answers["vcgencmd"]
    one(check_power(tree.machine), "unknown")
    tree.write("/sys/class/hwmon/hwmon2/name", "rpi_volt\n")
    tree.write("/sys/class/hwmon/hwmon2/in0_lcrit_alarm", "0\n")
    one(check_power(tree.machine), "ok", "voltage is right")
    tree.write("/sys/class/hwmon/hwmon2/in0_lcrit_alarm", "1\n")
    one(check_power(tree.machine), "warning", "voltage was too low")


def test_the_firmwares_file_may_lie_elsewhere_in_the_device_tree(tmp_path: Path) -> None:
    """As the name of its node has it."""
    tree = pi_5(tmp_path)
    (tmp_path / THROTTLED.lstrip("/")).unlink()
    tree.write("/sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled", "80000\n")
    one(check_power(tree.machine), "warning", "because of heat")


def test_another_sensor_of_the_kernel_is_not_the_supplys(tmp_path: Path) -> None:
    """hwmon has one for each driver; only rpi_volt is the supply's."""
    tree = pi_5(tmp_path)
    (tmp_path / THROTTLED.lstrip("/")).unlink()
    tree.write("/sys/class/hwmon/hwmon0/name", "cpu_thermal\n")
    one(check_power(tree.machine), "unknown", "the firmware does not report it")


def test_a_pc_has_no_such_bits(tmp_path: Path) -> None:
    """Which is nothing to worry about."""
    one(check_power(laptop(tmp_path).machine), "ok")


@pytest.mark.parametrize(("thousandths", "level"), [("51121", "ok"), ("71000", "warning"), ("84500", "warning")])
def test_heat_is_told_in_degrees(tmp_path: Path, thousandths: str, level: str) -> None:
    """With what fixes it."""
    tree = pi_4(tmp_path)
    tree.write("/sys/class/thermal/thermal_zone0/temp", thousandths + "\n")
    one(check_temperature(tree.machine), level, f"{int(thousandths) / 1000:.0f} °C")


# --- memory


def test_memory_is_told_in_mib(tmp_path: Path) -> None:
    """All of it, and what is left."""
    one(check_memory(zero_2(tmp_path).machine), "ok", "416 MiB", "228 MiB available")


def test_memory_that_runs_out_is_a_warning(tmp_path: Path) -> None:
    """With how to see who has it."""
    tree = zero_2(tmp_path)
    tree.meminfo(MemTotal=426068, MemAvailable=40000)
    one(check_memory(tree.machine), "warning", "39 MiB available", "ps -eo")


@pytest.mark.parametrize(
    ("name", "kind", "used", "level"),
    [
        ("/var/swap", "file", 90_000, "warning"),
        ("/var/swap", "file", 100, "ok"),
        ("/dev/mmcblk0p3", "partition", 90_000, "warning"),
    ],
)
def test_swap_on_the_card_wears_it(tmp_path: Path, name: str, kind: str, used: int, level: str) -> None:
    """A file counts as well as a partition, once it is used."""
    tree = pi_4(tmp_path)
    tree.swap(name, kind, used)
    first, second = check_memory(tree.machine)
    assert first.level == "ok"
    one([second], level, name)


def test_swap_in_memory_wears_nothing(tmp_path: Path) -> None:
    """Neither zram nor a disk are mentioned."""
    tree = pi_4(tmp_path)
    tree.write("/proc/mounts", "/dev/mmcblk0p2 / ext4 rw 0 0\n/dev/sda1 /mnt/disk ext4 rw 0 0\n")
    for name, kind in (("/dev/zram0", "partition"), ("/dev/sda2", "partition"), ("/mnt/disk/swap", "file")):
        tree.swap(name, kind, 90_000)
        one(check_memory(tree.machine), "ok")


def test_without_proc_memory_is_unknown(tmp_path: Path) -> None:
    """A service may be kept from it."""
    one(check_memory(Tree(tmp_path).machine), "unknown")


# --- port


def test_a_free_port_is_free(tmp_path: Path) -> None:
    """And 0 is any that is."""
    tree = pi_4(tmp_path)
    one(check_port(tree.machine, SOME), "ok", "8000 is free")
    one(check_port(tree.machine, DoctorContext(state=STATE, port=0)), "ok", "any")


def test_a_port_that_is_taken_names_who_has_it(tmp_path: Path) -> None:
    """And how to end it, or to choose another."""
    tree = pi_4(tmp_path)
    tree.listener(8000, 4711)
    tree.process(900, "mjpg_streamer", "socket:[4711]", arguments="-c user:secret")
    found = one(check_port(tree.machine, SOME), "fault", "mjpg_streamer (900)", "`sudo kill 900`", "[server] port")
    assert "secret" not in repr(found)
    one(check_port(tree.machine, DoctorContext(state=STATE, port=8001)), "ok", "8001 is free")


def test_a_port_that_is_taken_by_a_service_names_the_unit(tmp_path: Path) -> None:
    """To end the process would be of no use: systemd would start it again."""
    tree = pi_4(tmp_path)
    tree.listener(8000, 4711)
    tree.process(900, "nginx", "socket:[4711]", unit="nginx.service")
    one(check_port(tree.machine, SOME), "fault", "nginx (900)", "`sudo systemctl disable --now nginx.service`")


def test_a_port_that_systemd_holds_is_nobodys_to_kill(tmp_path: Path) -> None:
    """It holds it for a socket unit, before the service of that runs and beside it."""
    tree = pi_4(tmp_path)
    tree.listener(8000, 4711)
    tree.link("/proc/1/fd/3", "socket:[4711]")
    found = one(check_port(tree.machine, SOME), "unknown", "systemd", "`systemctl list-sockets`", "[server] port")
    assert "kill" not in repr(found)
    tree.answers["systemctl"] = "ActiveState=active\nListen=[::]:8000 (Stream)"
    one(check_port(tree.machine, SOME), "ok", "8000 is held by systemd, which starts pi-stream")
    tree.answers["systemctl"] = "ActiveState=inactive\nListen=[::]:8000 (Stream)"
    one(check_port(tree.machine, SOME), "unknown", "systemd")
    tree.process(900, "nginx", "socket:[4711]", unit="nginx.service")
    one(check_port(tree.machine, SOME), "fault", "nginx (900)", "`sudo systemctl disable --now nginx.service`")
    tree.process(901, "pi-stream", "socket:[4711]")
    one(check_port(tree.machine, SOME), "ok", "served by pi-stream (901)")


def test_pi_stream_on_its_port_is_as_it_should_be(tmp_path: Path) -> None:
    """Seen from the terminal, and from itself."""
    tree = pi_4(tmp_path)
    tree.listener(8000, 4711)
    tree.process(900, "pi-stream", "socket:[4711]")
    one(check_port(tree.machine, SOME), "ok", "served by pi-stream (900)")
    one(check_port(tree.machine, DoctorContext(state=STATE, serving=True)), "ok", "open, by this service")


def test_a_port_that_a_stranger_has_is_unknown(tmp_path: Path) -> None:
    """Whose it is shows only to root, but which user has it, to all."""
    tree = pi_4(tmp_path)
    tree.listener(8000, 4711, user=0)
    one(check_port(tree.machine, SOME), "unknown", "a program of root", "sudo pi-stream doctor")


def test_a_low_port_is_roots(tmp_path: Path) -> None:
    """Unless the kernel lets everybody have it."""
    tree = pi_4(tmp_path)
    low = DoctorContext(state=STATE, port=80)
    one(check_port(tree.machine, low), "warning", "only root")
    tree.write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "80\n")
    one(check_port(tree.machine, low), "ok")


def test_a_real_listener_is_found(tmp_path: Path) -> None:
    """On this machine's own /proc, by its own process."""
    (tmp_path / "proc").symlink_to("/proc")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
        context = DoctorContext(state=STATE, port=number)
        one(check_port(Machine(root=tmp_path), context), "fault", f"({os.getpid()})")
    one(check_port(Machine(root=tmp_path), context), "ok", "is free")


def test_a_port_of_the_services_own_user_is_pi_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which process has it shows only to root; a user without a name is reported by number."""
    tree = pi_4(tmp_path)
    tree.listener(8000, 4711, user=4_000_000_000)
    one(check_port(tree.machine, SOME), "unknown", "a program of user 4000000000")
    owner = pwd.getpwuid(os.getuid())
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: pwd.struct_passwd(("pi-stream", *owner[1:])))  # noqa: ARG005
    one(check_port(tree.machine, SOME), "ok", "8000 is served by pi-stream")


def test_a_socket_unit_of_which_systemd_says_nothing_is_unknown(tmp_path: Path) -> None:
    """If its D-Bus refuses this user."""
    tree = pi_4(tmp_path)
    tree.listener(8000, 4711)
    tree.link("/proc/1/fd/3", "socket:[4711]")
    tree.answers["systemctl"] = subprocess.CalledProcessError(1, ["systemctl"], stderr="Access denied")
    one(check_port(tree.machine, SOME), "unknown", "`systemctl list-sockets`")


# --- storage


def test_storage_says_how_much_is_free(tmp_path: Path) -> None:
    """Also where the folder is yet to be made; nothing is made for the look."""
    one(check_storage(Machine(), DoctorContext(state=tmp_path / "state" / "pi-stream")), "ok", "free")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("free", "flag", "level", "words"),
    [
        (100 << 20, 0, "warning", "100 MiB free"),
        (1 << 20, 0, "fault", "1 MiB free"),
        (10 << 30, os.ST_RDONLY, "fault", "read-only"),
        (10 << 30, 0, "ok", "10.0 GiB free"),
    ],
)
def test_a_full_or_locked_card_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, flag: int, level: str, words: str
) -> None:
    """A card that fails is made read-only by the kernel."""
    fields = list(os.statvfs(tmp_path))
    fields[1], fields[4], fields[8] = 4096, free // 4096, flag  # f_frsize, f_bavail, f_flag
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(fields))  # noqa: ARG005 - whatever is asked
    one(check_storage(Machine(), DoctorContext(state=tmp_path)), level, words)


def test_a_folder_of_another_user_is_as_it_should_be_unless_we_are_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person at a terminal is not who keeps captions; one that nobody could make is a warning."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # noqa: ARG005 - root may write anywhere
    one(check_storage(Machine(), DoctorContext(state=tmp_path)), "ok", "by another user")
    one(
        check_storage(Machine(user="pi"), DoctorContext(state=tmp_path, serving=True)),
        "fault",
        f"`sudo chown -R pi {tmp_path}`",
    )
    one(check_storage(Machine(), DoctorContext(state=tmp_path / "state")), "warning", "captions would be lost")


def test_a_home_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks at the page need not know who has started it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    one(
        check_storage(Machine(), DoctorContext(state=tmp_path / ".local/state/pi-stream")),
        "ok",
        " ~/.local/state/pi-stream,",
    )
    one(check_storage(Machine(), DoctorContext(state=tmp_path)), "ok", " ~,")


def test_the_root_is_nobodys_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is what users have for one who were made for a service; the folder is named as it can be found."""
    monkeypatch.setenv("HOME", "/")
    (found,) = check_storage(Machine(), DoctorContext(state=STATE))
    assert str(STATE) in found.what
    assert "~" not in found.what


def test_a_folder_inside_a_closed_one_is_reported_with_the_space_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python up to 3.12 raises for a path below a folder that this user cannot read."""
    exists = Path.exists

    def closed(path: Path) -> bool:  # nothing is really closed to root, who may run this test
        if path.is_relative_to(tmp_path / "closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path)

    monkeypatch.setattr(Path, "exists", closed)
    (found,) = check_storage(Machine(), DoctorContext(state=tmp_path / "closed" / "state"))
    assert "MiB free" in found.what or "GiB free" in found.what or "cannot create it" in found.what


# --- fonts and encodings


def test_fonts_are_listed_by_script_and_what_is_missing_by_package() -> None:
    """A box for each character is what people would see."""
    context = DoctorContext(
        state=STATE, has_font_for=lambda text: text.isascii() or "Ä" in text, has_bidi=lambda: False
    )
    some, missing, bidi = check_fonts(context)
    one([some], "ok", "Latin")
    one([missing], "warning", "Arabic", "emoji", "fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji")
    one([bidi], "warning", "libfribidi0")
    one(check_fonts(DoctorContext(state=STATE, has_font_for=lambda text: True, has_bidi=lambda: True)), "ok")  # noqa: ARG005 - all of them


def test_encoders_are_tried(tmp_path: Path) -> None:
    """One that fails is a fault; the Pi 4's own encoder is mentioned, and the Pi 5 has none."""

    def broken() -> str:
        raise ImportError("libturbojpeg.so.0: no such file")

    context = DoctorContext(state=STATE, encoders={"JPEG": broken, "PNG": lambda: "isal 1.8", "RGBA": broken})
    fault, right = check_encodings(pi_4(tmp_path / "4").machine, context)
    one([fault], "fault", "no JPEG, no RGBA: ImportError: libturbojpeg.so.0")
    one([right], "ok", "PNG by isal 1.8", "H.264 at /dev/video11")
    assert "H.264" not in check_encodings(pi_5(tmp_path / "5").machine, context)[1].what


# --- time, service, settings, system


def test_a_clock_before_pi_stream_was_written_is_wrong(tmp_path: Path) -> None:
    """A Pi has no battery for its clock."""
    one(check_time(pi_4(tmp_path).machine, 1_600_000_000), "fault", "2020-09-13", "set-ntp")


def test_who_sets_the_clock_is_asked_of_systemd(tmp_path: Path) -> None:
    """By its file, or by timedatectl."""
    tree = pi_4(tmp_path)
    tree.answers["timedatectl"] = "no"
    one(check_time(tree.machine, NOVEMBER), "warning", "not set from the network")
    tree.answers["timedatectl"] = "yes"
    one(check_time(tree.machine, NOVEMBER), "ok")
    del tree.answers["timedatectl"]
    one(check_time(tree.machine, NOVEMBER), "unknown")
    tree.write("/run/systemd/timesync/synchronized", "")
    one(check_time(tree.machine, NOVEMBER), "ok")


RUNS = "LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\nResult=success\nNRestarts=0"


@pytest.mark.parametrize(
    ("answer", "level", "words"),
    [
        (RUNS, "ok", "it runs"),
        (f"{RUNS}\nStatusText=30 fps from imx708, 3 viewers", "ok", "30 fps from imx708, 3 viewers"),
        (RUNS.replace("NRestarts=0", "NRestarts=4"), "warning", "restarted 4 times"),
        (RUNS.replace("active\nSub", "failed\nSub").replace("success", "exit-code"), "fault", "it failed (exit-code)"),
        (RUNS.replace("active\nSubState=running", "activating\nSubState=auto-restart"), "fault", "fails repeatedly"),
        (RUNS.replace("active\nSubState=running", "inactive\nSubState=dead"), "warning", "systemctl start pi-stream"),
        ("LoadState=not-found\nActiveState=inactive", "ok", "by hand"),
    ],
)
def test_the_units_state_is_put_into_words(tmp_path: Path, answer: str, level: str, words: str) -> None:
    """As `systemctl show` has it."""
    tree = pi_4(tmp_path)
    tree.answers["systemctl"] = answer
    one(check_unit(tree.machine, SOME), level, words)


def test_a_unit_that_does_not_start_with_the_machine_is_a_warning(tmp_path: Path) -> None:
    """After the next power cut there would be no picture."""
    tree = pi_4(tmp_path)
    tree.answers["systemctl"] = RUNS.replace("enabled", "disabled")
    assert [each.level for each in check_unit(tree.machine, SOME)] == ["ok", "warning"]


def test_a_unit_that_a_socket_starts_need_not_run_nor_be_enabled(tmp_path: Path) -> None:
    """As docs/appliance.md sets it up for a port below 1024; one that lies there unused changes nothing."""
    tree = pi_4(tmp_path)
    off = RUNS.replace("active\nSubState=running", "inactive\nSubState=dead").replace("enabled", "disabled")
    off += "\nTriggeredBy=pi-stream.socket"
    tree.answers["systemctl"] = f"{off}\n\nActiveState=active\nUnitFileState=enabled"
    one(check_unit(tree.machine, SOME), "ok", "systemd starts it on the first connection")
    tree.answers["systemctl"] = f"{off}\n\nActiveState=inactive\nUnitFileState=enabled"
    one(check_unit(tree.machine, SOME), "warning", "`sudo systemctl start pi-stream.socket`")
    tree.answers["systemctl"] = f"{off}\n\nActiveState=active\nUnitFileState=disabled"
    assert [found.level for found in check_unit(tree.machine, SOME)] == ["ok", "warning"]
    tree.answers["systemctl"] = f"{off}\n\nActiveState=inactive\nUnitFileState=disabled"
    assert [found.fix for found in check_unit(tree.machine, SOME)] == [
        "`sudo systemctl start pi-stream`", "`sudo systemctl enable pi-stream`",
    ]  # fmt: skip  # one a line would say no more


def test_who_is_not_let_in_to_d_bus_says_what_it_knows(tmp_path: Path) -> None:
    """A service under a user of its own knows at least that it runs; of the clock it knows nothing."""
    tree = pi_4(tmp_path)
    refused = subprocess.CalledProcessError(1, ["systemctl"], stderr="Transport endpoint is not connected\n")
    tree.answers |= {"systemctl": refused, "timedatectl": refused}
    one(check_unit(tree.machine, DoctorContext(state=STATE, serving=True)), "ok", "it runs")
    with pytest.raises(subprocess.CalledProcessError):  # the examination puts it into words
        check_unit(tree.machine, SOME)
    one(check_time(tree.machine, NOVEMBER), "unknown")


def test_wrong_settings_are_told_in_their_own_words() -> None:
    """Those that `check-config` has."""

    def wrong() -> str:
        raise SettingError("[camera] width: expected an even number, got 641")

    one(check_settings(DoctorContext(state=STATE, settings=wrong)), "fault", "got 641", "check-config")
    one(check_settings(SOME), "ok")


def test_the_system_is_told_in_a_line_and_the_board_in_another(tmp_path: Path) -> None:
    """What people are asked for first."""
    os_, board = check_system(pi_4(tmp_path).machine)
    assert os_.what.startswith("Debian GNU/Linux 13 (trixie), Linux 6.12.47+rpt-rpi-v8, Python 3.")
    assert board.what == PI_4


def test_a_kernel_that_was_replaced_under_the_running_one_wants_a_restart(tmp_path: Path) -> None:
    """Drivers for what is plugged in now are gone."""
    tree = pi_4(tmp_path)
    tree.write("/proc/sys/kernel/osrelease", "6.12.34+rpt-rpi-v8\n")
    assert check_system(tree.machine)[2].fix == "`sudo reboot`"


def test_a_program_that_hangs_is_ended() -> None:
    """In the time that it is given."""
    with pytest.raises(subprocess.TimeoutExpired):
        run_program("sleep", "60", timeout_s=0.2)
    assert run_program("a-program-that-nobody-has") is None


def test_without_systemd_pi_stream_is_started_by_hand(tmp_path: Path) -> None:
    """Nor is it known whether the clock was set; without systemctl the unit's state is unknown."""
    tree = pi_4(tmp_path)
    one(check_unit(tree.machine, SOME), "unknown", "systemctl was not found")
    (tmp_path / "run/systemd/system").rmdir()
    one(check_unit(tree.machine, SOME), "ok", "this machine has no systemd")
    one(check_time(tree.machine, NOVEMBER), "unknown", "without systemd")


def test_this_machine_is_described_by_the_system_itself(tmp_path: Path) -> None:
    """Users and groups without names have their numbers; a device can be used if it can be opened for both."""
    machine = Machine()
    assert machine.user
    assert machine.groups
    assert _group_name(4_000_000_000) == "4000000000"
    (tmp_path / "video0").touch()
    assert machine.may_use(tmp_path / "video0")
    assert not machine.may_use(tmp_path / "video1")
