"""The command line: `pi-stream serve` and its lesser commands; `pi-stream --help` lists them."""

import argparse
import asyncio
import faulthandler
import logging
import os
import shutil
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pi_stream import __version__
from pi_stream.cli import passwords
from pi_stream.cli.announce import announce
from pi_stream.config import files as config_files
from pi_stream.config.settings import Config
from pi_stream.errors import BadMessage, PiStreamError, SettingError, SourceStuck
from pi_stream.systemd import activation_socket
from pi_stream.systemd.journal import priority, set_up_log, to_journal

if TYPE_CHECKING:
    from pi_stream.client.viewer import ConnectedCamera


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code: 0 done, 1 it did not work, 2 it was asked wrongly, 75 start it again."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (SettingError, BadMessage) as error:
        _complain(error)
        return 2
    except SourceStuck as error:
        _complain(error)
        return os.EX_TEMPFAIL  # sysexits.h: whoever tries again may well succeed
    except PiStreamError as error:
        _complain(error)
        return 1
    except KeyboardInterrupt:
        return 130  # as a shell has it for SIGINT
    except BrokenPipeError:  # the reader of our output, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _complain(error: PiStreamError) -> None:
    mark = f"<{priority(logging.ERROR)}>" if to_journal(sys.stderr) else ""  # sd-daemon(3)
    print(f"{mark}pi-stream: {' '.join(str(error).split())}", file=sys.stderr)


def parser() -> argparse.ArgumentParser:
    """Every command and option. The manual page and the shell's completion are made of it too (deploy/debian)."""
    every = argparse.ArgumentParser(prog="pi-stream", description="A camera in every browser on the LAN.")
    every.add_argument("--version", action="version", version=f"pi-stream {__version__}")
    commands = every.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="capture, draw captions, and serve the page")
    serve.add_argument(
        "--config", type=Path, metavar="FILE", help=f"settings (default: {config_files.SYSTEM_CONFIG} if any)"
    )
    serve.add_argument(
        "--set",
        action="append",
        default=[],
        dest="assignments",
        metavar="SECTION.KEY=VALUE",
        help="one setting, such as camera.fps=15; may be given often",
    )
    serve.set_defaults(run=_serve)

    check = commands.add_parser("check-config", help="say whether a settings file is right, and do no more")
    check.add_argument("file", type=Path, metavar="FILE")
    check.set_defaults(run=_check_config)

    doctor = commands.add_parser(
        "doctor", help="look at camera, system and settings, and say what is wrong and what fixes it"
    )
    doctor.add_argument("--config", type=Path, metavar="FILE", help="the settings to look at (default: as for serve)")
    doctor.add_argument("--set", action="append", default=[], dest="assignments", metavar="SECTION.KEY=VALUE")
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON, as GET /api/doctor has them")
    doctor.set_defaults(run=_doctor)

    migrate = commands.add_parser("migrate-config", help="bring a settings file of an older version up to date")
    migrate.add_argument("file", type=Path, metavar="FILE", help="rewritten; as it was, it is kept as FILE.bak")
    migrate.set_defaults(run=_migrate_config)

    announce = commands.add_parser("announce", help="tell the network, through avahi, where the page is, until stopped")
    announce.add_argument("--config", type=Path, metavar="FILE", help="the settings that hold the port")
    announce.set_defaults(run=_announce)

    passwords.add_commands(commands)

    certificate = commands.add_parser("certificate", help="show the service's certificate, and a QR code of its page")
    certificate.add_argument("--config", type=Path, metavar="FILE", help="the settings (default: as for serve)")
    certificate.add_argument("--set", action="append", default=[], dest="assignments", metavar="SECTION.KEY=VALUE")
    certificate.add_argument("--state", type=Path, metavar="FOLDER", help="where the service keeps its state")
    certificate.set_defaults(run=_certificate)

    watch = commands.add_parser("watch", help="watch a pi-stream, and print fps, age and drops once a second")
    watch.add_argument("url", metavar="URL", help="such as http://raspberrypi.local:8000")
    _trust(watch)
    watch.add_argument("--encoding", default="jpeg", help="jpeg, png, i420 or rgba (default: jpeg)")
    watch.add_argument("--seconds", type=float, metavar="N", help="stop after so many (default: never)")
    watch.set_defaults(run=_watch)

    caption = commands.add_parser("caption", help="put a caption on the picture of a pi-stream")
    caption.add_argument("url", metavar="URL")
    _trust(caption)
    caption.add_argument("text", metavar="TEXT", help="may hold fields, such as {time:%%H:%%M}")
    caption.add_argument("--id", help="of the caption to replace")
    caption.add_argument("--x", type=float, help="0 (left) to 1 (right)")
    caption.add_argument("--y", type=float, help="0 (top) to 1 (bottom)")
    caption.add_argument("--anchor", help="the point of the box that lies at x, y: top-left ... bottom-right")
    caption.add_argument("--size", type=float, help="height of a line, of the picture's: 0.01 to 1")
    caption.add_argument("--color", help="#rrggbb or #rrggbbaa")
    caption.add_argument("--background", help="#rrggbb or #rrggbbaa")
    caption.add_argument("--ttl", type=float, help="seconds after which it goes")
    caption.set_defaults(run=_caption)
    return every


def _trust(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--pin", help="with https: trust this key and no other, as `pi-stream certificate` shows it there"
    )
    command.add_argument("--ca-file", metavar="FILE", help="with https: certificates to trust")


def _serve(options: argparse.Namespace) -> int:
    def read() -> Config:
        return config_files.load(options.config, options.assignments)

    set_up_log(sys.stderr)
    settings = read()
    faulthandler.enable()  # the watchdog's SIGABRT: where every thread was then is what finds the fault
    listener = activation_socket()

    # In a terminal SIGHUP says that it was closed, and the service ends with it as every program does.
    in_terminal = sys.stdin is not None and sys.stdin.isatty()

    from pi_stream.app.service import serve
    from pi_stream.server.app import Server
    from pi_stream.server.context import AppContext

    def ready(context: AppContext, server: Server) -> None:
        source = context.camera.describe()
        print(f"pi-stream {__version__} is ready. Open one of these in a browser:")
        for url in server.urls:
            print(f"  {url}")
        print(f"Source: {source['kind']} ({source['why']})")
        for reason in source["refused"]:
            print(f"  not {reason}")
        if not context.camera.online:
            print(f"  offline now: {context.camera.reason}")
        if (identity := context.identity) is not None:
            from pi_stream.cli.certificate import qr_code, told  # not earlier: its libraries are large

            print(*told(identity.certificate, server.urls, own=identity.self_signed), sep="\n")
            if sys.stdout.isatty():  # a journal is no place for it
                print(*qr_code(server.urls), sep="\n")
        print("Stop with Ctrl-C.", flush=True)

    try:
        asyncio.run(
            serve(
                settings,
                state=config_files.state_folder(),
                ready=ready,
                read_again=None if in_terminal else read,
                listener=listener,
            )
        )
    except BaseExceptionGroup as group:
        wrong, bugs = group.split(PiStreamError)
        if wrong is None or bugs is not None:
            raise
        raise _first(wrong) from None
    return 0


def _first(group: BaseExceptionGroup[PiStreamError]) -> PiStreamError:
    """What was wrong, out of the groups of tasks in which it came."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, PiStreamError)  # noqa: S101 - `split` let nothing else through
    return error


def _check_config(options: argparse.Namespace) -> int:
    config_files.load(options.file)
    print(f"{options.file}: right")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    """0 also with warnings: with them there is a picture. 1 with a fault."""
    import msgspec

    from pi_stream.doctor.table import summary, table
    from pi_stream.health import doctor_report

    logging.disable(logging.WARNING)  # what other rooms would say of missing fonts, the findings say
    report = doctor_report.made(doctor_report.of_machine(options.config, options.assignments))
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        # https://no-color.org: any value but an empty one
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        for line in table(report.findings, width=shutil.get_terminal_size((100, 24)).columns, colour=colour):
            print(line)
        print(f"\n{summary(report.findings)}")
    return int(report.verdict == "fault")


def _migrate_config(options: argparse.Namespace) -> int:
    changes = config_files.migrate(options.file)
    for change in changes:
        print(f"{options.file}: {change}")
    print(f"{options.file}: {f'rewritten; as it was: {options.file}.bak' if changes else 'nothing to migrate'}")
    return 0


def _announce(options: argparse.Namespace) -> NoReturn:
    settings = config_files.load(options.config)
    announce(settings.server.port, "http" if settings.tls.mode == "off" else "https")


def _certificate(options: argparse.Namespace) -> int:
    from pi_stream.cli.certificate import lines

    settings = config_files.load(options.config, options.assignments)
    print(*lines(settings, options.state or config_files.service_folder()), sep="\n")
    return 0


def _viewer(options: argparse.Namespace, accept: Sequence[str]) -> "ConnectedCamera":
    """With what the environment has to log in: other users of the machine can read what stands in a command."""
    from pi_stream.client.viewer import connect

    password, token = os.environ.get("PI_STREAM_PASSWORD"), os.environ.get("PI_STREAM_TOKEN")
    return connect(options.url, accept=accept, password=password, token=token, pin=options.pin, ca_file=options.ca_file)


def _watch(options: argparse.Namespace) -> int:
    async def watch() -> None:
        loop = asyncio.get_running_loop()
        viewer = _viewer(options, [options.encoding])
        end = loop.time() + options.seconds if options.seconds else float("inf")
        async with viewer as camera:
            if (what := camera.watching) is not None:
                print(f"{what.encoding} {what.width}x{what.height} from {camera.welcome.source['kind']}", flush=True)
            frames, size, ages, second = 0, 0, list[float](), loop.time() + 1
            async for packet in camera:
                frames += 1
                size += len(packet.data)
                if packet.age_ms is not None:
                    ages.append(packet.age_ms)
                if (now := loop.time()) >= second:
                    age = f"{statistics.median(ages):6.1f} ms" if ages else "unknown"
                    dropped = camera.dropped + (camera.stats.dropped if camera.stats else 0)
                    state = "  OFFLINE" if packet.offline else ""
                    rate = frames / (now - second + 1)
                    print(f"{rate:5.1f} fps  age {age}  {dropped} dropped  {size / 2**20:6.2f} MiB{state}", flush=True)
                    frames, size, ages, second = 0, 0, [], now + 1
                if now >= end:
                    return

    asyncio.run(watch())
    return 0


def _caption(options: argparse.Namespace) -> int:
    names = ("id", "x", "y", "anchor", "size", "color", "background", "ttl")
    fields = {name: value for name in names if (value := getattr(options, name)) is not None}

    async def caption() -> None:
        async with _viewer(options, ()) as camera:
            print((await camera.put_caption(options.text, **fields)).id)

    asyncio.run(caption())
    return 0
