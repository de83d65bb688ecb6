"""What systemd is told and what it gives, without a systemd: the datagrams, the port, the log."""

import io
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pi_stream.errors import SettingError
from pi_stream.systemd import Notify, Watchdog, activation_socket, status_line
from pi_stream.systemd.journal import JournalHandler, PriorityFormatter, priority, set_up_log, to_journal
from pi_stream.systemd.log_rate_limit import LogRateLimit


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket at which a service manager hears its services."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(10)
        yield listener


def _heard(manager: socket.socket) -> list[str]:
    return manager.recv(4096).decode().split("\n")


def test_the_manager_hears_every_word(manager: socket.socket) -> None:
    """In the datagrams of sd_notify(3)."""
    notify = Notify.from_environment({"NOTIFY_SOCKET": manager.getsockname()})
    notify.ready()
    assert _heard(manager) == ["READY=1"]
    notify.reloading()
    reloading, moment = _heard(manager)
    assert (reloading, moment.split("=")[0]) == ("RELOADING=1", "MONOTONIC_USEC")
    notify.stopping()
    assert "STOPPING=1" in _heard(manager)


def test_an_abstract_address_is_one(tmp_path: Path) -> None:
    """systemd writes its zero byte as "@"."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{tmp_path}")
        listener.settimeout(10)
        Notify.from_environment({"NOTIFY_SOCKET": f"@{tmp_path}"}).ready()
        assert _heard(listener) == ["READY=1"]


def test_a_status_is_sent_when_it_changed_and_carries_the_note(manager: socket.socket) -> None:
    """On one line, however the note was written."""
    notify = Notify.from_environment({"NOTIFY_SOCKET": manager.getsockname()})
    notify.status("30 fps")
    notify.status("30 fps")
    notify.note = "needs a restart:\nserver.port"
    notify.status("30 fps")
    notify.status("x" * 1000)
    assert _heard(manager) == ["STATUS=30 fps"]
    assert _heard(manager) == ["STATUS=30 fps; needs a restart: server.port"]
    assert len(_heard(manager)[0]) == len("STATUS=") + 500


def test_without_a_manager_nothing_is_told() -> None:
    """On a laptop there is none, and none is missed."""
    notify = Notify.from_environment({})
    notify.ready()
    notify.status("30 fps")
    watchdog = Watchdog.from_environment(notify, {})
    watchdog.allow(100)
    watchdog.alive()


def test_a_manager_that_is_gone_is_told_of_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And the service goes on."""
    Notify.from_environment({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready()
    assert "systemd cannot be notified of READY=1: No such file" in caplog.text


def test_the_watchdog_is_fed_at_signs_of_life_but_not_at_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 32nd of its period apart at least."""
    told: list[str] = []
    watchdog = Watchdog.from_environment(Notify(told.append), {"WATCHDOG_USEC": "3200000"})
    for now in (0, 33_000, 99_999, 100_000, 150_000, 200_000):
        monkeypatch.setattr("pi_stream.lib.clock.now", lambda now=now: now)
        watchdog.alive()
    assert told == ["WATCHDOG=1"] * 3


@pytest.mark.parametrize(
    "environment",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "3200000", "WATCHDOG_PID": "1"}],
)
def test_a_watchdog_that_is_not_ours_is_not_fed(environment: dict[str, str]) -> None:
    """None was asked for, or another process feeds it."""
    told: list[str] = []
    Watchdog.from_environment(Notify(told.append), environment).alive()
    assert told == []


def test_settings_may_need_more_patience_than_the_unit_has_but_never_less() -> None:
    """systemd is told of another period, and of the old one again."""
    told: list[str] = []
    watchdog = Watchdog.from_environment(Notify(told.append), {"WATCHDOG_USEC": "8000000"})
    for seconds in (3.0, 8.0, 23.0, 23.0, 8.0):
        watchdog.allow(seconds)
    assert told == ["WATCHDOG_USEC=23000000", "WATCHDOG_USEC=8000000"]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"fps": 29.97, "viewers": 3}, "30 fps from imx708, 3 viewers"),
        ({"fps": 0.5, "viewers": 1}, "0.5 fps from imx708, 1 viewer"),
        ({"fps": 0.0}, "imx708 is online, no viewers"),
        ({"resting": True}, "imx708 rests until a viewer connects, no viewers"),
        ({"online": False, "reason": "unplugged"}, "no picture from imx708, no viewers: unplugged"),
    ],
)
def test_the_status_is_one_sentence(facts: dict[str, Any], expected: str) -> None:
    """As `systemctl status` shows it."""
    usual: dict[str, Any] = {"online": True, "resting": False, "fps": 30.0, "reason": None, "viewers": 0}
    assert status_line(name="imx708", **(usual | facts)) == expected


def test_no_socket_is_taken_that_was_not_meant_for_this_process() -> None:
    """A parent's variables may be inherited; they go all the same."""
    environment = {"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "http", "PATH": "/bin"}
    assert activation_socket(environment) is None
    assert environment == {"PATH": "/bin"}


def test_more_sockets_than_one_are_refused() -> None:
    """There is one port."""
    with pytest.raises(SettingError, match="one ListenStream, got 2"):
        activation_socket({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2"})


_TAKES_SOCKET = """
import os, sys
from pi_stream.errors import SettingError
from pi_stream.systemd import activation_socket
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "http"}
try:
    given = activation_socket()
    print(given.getsockname()[1], os.get_inheritable(3), sorted(set(os.environ) & {"LISTEN_PID", "LISTEN_FDS"}))
except SettingError as error:
    print(error)
"""


def _passed(descriptor: int) -> str:
    """What a process says that was given this descriptor as systemd gives it."""
    command = [sys.executable, "-c", _TAKES_SOCKET, str(descriptor)]
    done = subprocess.run(command, pass_fds=[descriptor], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_a_listening_tcp_socket_is_taken_and_nothing_else_is(tmp_path: Path) -> None:
    """As descriptor 3, which no child of the service inherits."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert _passed(listener.fileno()) == f"{listener.getsockname()[1]} False []"
    with socket.socket() as silent:
        assert _passed(silent.fileno()).endswith("a listening TCP port, got another socket (AF_INET)")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        assert _passed(datagrams.fileno()).endswith("got another socket (AF_INET)")
    with socket.socket(socket.AF_UNIX) as local:
        local.bind(str(tmp_path / "socket"))
        local.listen()
        assert _passed(local.fileno()).endswith("got another socket (AF_UNIX)")
    with (tmp_path / "file").open("w") as file:
        assert "expected a listening TCP port, got none: " in _passed(file.fileno())


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    """The root logger, whose handlers and level are put back."""
    root, hook = logging.getLogger(), sys.excepthook
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook = hook


@pytest.mark.parametrize("library", [True, False])
def test_the_log_and_the_traceback_of_a_bug_go_to_the_journal(
    tmp_path: Path, root_logger: logging.Logger, monkeypatch: pytest.MonkeyPatch, library: bool
) -> None:
    """By systemd-python, if there is one; else as lines that begin with their priority."""
    entries: list[tuple[str, str]] = []
    journal = ModuleType("systemd.journal")
    vars(journal)["send"] = lambda message, **fields: entries.append((fields["PRIORITY"], message))
    monkeypatch.setitem(sys.modules, "systemd", ModuleType("systemd"))
    monkeypatch.setitem(sys.modules, "systemd.journal", journal if library else None)
    with (tmp_path / "log").open("w+") as file:
        status = os.fstat(file.fileno())
        set_up_log(file, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        root_logger.warning("a line\nand another")
        try:
            raise ZeroDivisionError("a bug")
        except ZeroDivisionError as error:
            sys.excepthook(ZeroDivisionError, error, error.__traceback__)
        file.seek(0)
        lines = file.read().splitlines()
    if library:
        assert lines == []
        assert entries[0] == ("4", r"a line\nand another")
        assert entries[1][0] == "2"
        assert entries[1][1].endswith("ZeroDivisionError: a bug")
    else:
        assert lines[0] == r"<4>root: a line\nand another"
        assert lines[-1] == "<2>ZeroDivisionError: a bug"


def test_a_journal_that_refuses_an_entry_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """It is reported on stderr, as logging does."""

    def refuse(_message: str, **_fields: object) -> None:
        raise OSError(105, "No buffer space available")

    JournalHandler(refuse).emit(_record("a line"))
    assert "No buffer space available" in capsys.readouterr().err


def test_systemd_python_sends_notifications_if_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's python3-systemd."""
    told: list[str] = []
    daemon = ModuleType("systemd.daemon")
    vars(daemon)["notify"] = told.append
    monkeypatch.setitem(sys.modules, "systemd", ModuleType("systemd"))
    monkeypatch.setitem(sys.modules, "systemd.daemon", daemon)
    Notify.from_environment({"NOTIFY_SOCKET": "/run/systemd/notify"}).ready()
    assert told == ["READY=1"]


def _record(message: str, *args: object, level: int = logging.WARNING, **extra: str) -> logging.LogRecord:
    record = logging.LogRecord("pi_stream.sources.supervisor", level, __file__, 7, message, args, None, "a_function")
    vars(record).update(extra)
    return record


def test_a_repeated_line_passes_once_a_minute_and_says_how_many_were_like_it() -> None:
    """Lines of a kind differ in numbers only."""
    now = 0
    repeats = LogRateLimit(lambda: now)
    passed = []
    for second in range(150):
        now = second * 1_000_000
        record = _record("v4l2 is offline: no frame for %d s", second)
        if repeats.filter(record):
            passed.append(record.getMessage())
    assert passed == [
        "v4l2 is offline: no frame for 0 s",
        "v4l2 is offline: no frame for 60 s (… 59 more like it)",
        "v4l2 is offline: no frame for 120 s (… 59 more like it)",
    ]


def test_lines_that_differ_in_addresses_are_of_a_kind() -> None:
    """Also in those of IPv6, of which a stranger has as many as there are lines."""
    repeats = LogRateLimit(lambda: 0)
    addresses = ("192.168.1.2", "10.0.0.1", "fe80::1", "2001:db8:0:1:a:b:c:d", "2001:db8::dead:beef", "::1", "fd00::")
    passed = [repeats.filter(_record("%s: more than 20 messages", address)) for address in addresses]
    assert passed == [True, False, True, False, False, False, False]


def test_lines_of_other_kinds_pass() -> None:
    """Another reason, another level."""
    repeats = LogRateLimit(lambda: 0)
    records = [_record("unplugged"), _record("busy"), _record("busy", level=logging.ERROR), _record("busy")]
    assert [repeats.filter(record) for record in records] == [True, True, True, False]


def test_what_repeats_is_remembered_for_so_many_kinds_and_no_more() -> None:
    """A line that is never the same twice costs no memory."""
    repeats = LogRateLimit(lambda: 0)
    for letters in range(1000):
        repeats.filter(_record(f"{letters:b}".translate({48: "a", 49: "b"})))
    assert len(repeats._kinds) == 200


def test_a_line_that_cannot_be_written_ends_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    """A slip in some library's logging is told on stderr, as logging does, and does not stop who logged it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(LogRateLimit())
    logger = logging.Logger("slip")
    logger.addHandler(handler)
    logger.warning("%d frames", "no")
    logger.warning("on")
    assert stream.getvalue() == "on\n"
    assert "Logging error" in capsys.readouterr().err


def test_levels_are_the_journals_priorities() -> None:
    """syslog(3)'s numbers."""
    levels = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
    assert [priority(level) for level in levels] == [7, 6, 4, 3, 2]


def test_an_entry_has_few_fields_and_those_of_ours() -> None:
    """PI_STREAM_ is what journalctl can be asked for."""
    entries: list[tuple[str, dict[str, object]]] = []
    JournalHandler(lambda message, **fields: entries.append((message, fields))).emit(
        _record("%s is offline", "v4l2", PI_STREAM_SOURCE="v4l2", other="x")
    )
    assert entries == [
        (
            "v4l2 is offline",
            {
                "PRIORITY": "4",
                "SYSLOG_IDENTIFIER": "pi-stream",
                "LOGGER": "pi_stream.sources.supervisor",
                "CODE_FILE": __file__,
                "CODE_LINE": 7,
                "CODE_FUNC": "a_function",
                "PI_STREAM_SOURCE": "v4l2",
            },
        )
    ]


def test_without_the_library_each_line_says_its_priority() -> None:
    """Those of a traceback, too."""
    try:
        raise ZeroDivisionError("a bug")
    except ZeroDivisionError:
        record = _record("ended", level=logging.CRITICAL)
        record.exc_info = sys.exc_info()
    lines = PriorityFormatter().format(record).splitlines()
    assert lines[0] == "<2>pi_stream.sources.supervisor: ended"
    assert lines[-1] == "<2>ZeroDivisionError: a bug"
    assert all(line.startswith("<2>") for line in lines)


def test_the_journal_is_known_by_its_device_and_inode(tmp_path: Path) -> None:
    """A variable that was inherited says nothing of an output that was redirected since."""
    with (tmp_path / "log").open("w") as file:
        status = os.fstat(file.fileno())
        assert to_journal(file, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        assert not to_journal(file, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino + 1}"})
        assert not to_journal(file, {})
    assert not to_journal(io.StringIO(), {"JOURNAL_STREAM": "1:2"})
