"""Settings files: read, checked, migrated; and the folders that settings and state lie in."""

import logging
import os
import shutil
import stat
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from pi_stream.config.migrations import current_names, rewrite
from pi_stream.config.settings import MAX_CAMERAS, CameraSettings, Config
from pi_stream.errors import SettingError
from pi_stream.lib import atomic_file
from pi_stream.lib.validation import ValidationError, convert, nearest, quote

log = logging.getLogger(__name__)

SYSTEM_CONFIG = Path("/etc/pi-stream/config.toml")
SYSTEM_STATE = Path("/var/lib/pi-stream")  # systemd's StateDirectory= of deploy/pi-stream.service


def load(path: Path | None = None, assignments: Sequence[str] = (), kind: type[Config] = Config) -> Config:
    """Read the settings of a TOML file, then `section.key=value` assignments over them.

    Without a path: /etc/pi-stream/config.toml if there is one, else the defaults. `kind` says which sections there may
    be; `features.CONFIG` has those of all features. Raises SettingError, whose text is one line that names file,
    section, key, what was expected and what was there, unless that is secret.
    """
    if path is None and _is_there(SYSTEM_CONFIG):
        path = SYSTEM_CONFIG
    table: dict[str, Any] = {}
    if path is not None:
        table, old = current_names(_read(path)[1])
        for each in old:
            log.warning("%s: %s; `pi-stream migrate-config %s` brings it up to date", path, each, path)
    config = _convert(table, str(path), kind)
    for assignment in assignments:
        (*sections, key), value = _assignment(assignment)
        section = table
        for each in sections:
            section = section.setdefault(each, {})
        section[key] = value
        name, _, text = assignment.partition("=")  # the value may be secret; if it is not, the problem quotes it
        try:
            config = _convert(table, f"--set {name}", kind)
        except SettingError:
            if isinstance(value, str):
                raise
            section[key] = text.strip()  # what looks like a number may be meant as text, such as camera.path=0
            with suppress(SettingError):
                config = _convert(table, f"--set {name}", kind)
                continue
            raise
    return config


def state_folder() -> Path:
    """Where what must survive a restart lies: systemd's $STATE_DIRECTORY, else the user's own state folder.

    A user without a home, as one that a container made up, has the system's; whether it may write there is another
    question, which the log and the doctor answer.
    """
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])  # systemd lists several, separated by colons; the first is ours
    if given := os.environ.get("XDG_STATE_HOME"):
        return Path(given) / "pi-stream"
    try:
        return Path.home() / ".local" / "state" / "pi-stream"
    except RuntimeError:  # neither $HOME nor an entry in /etc/passwd
        return SYSTEM_STATE


def service_folder() -> Path:
    """Where that of the service lies that a person at a terminal means: for root, the one that systemd starts."""
    if not os.environ.get("STATE_DIRECTORY") and os.geteuid() == 0 and SYSTEM_STATE.is_dir():
        return SYSTEM_STATE
    return state_folder()


def migrate(path: Path, kind: type[Config] = Config) -> list[str]:
    """Write a file of settings under the names of today; what it was lies beside it, as .bak. Returns what changed.

    `kind` is as in `load`.

    Raises SettingError when it cannot be read or written, is wrong, or has to be changed by hand.
    """
    text, table = _read(path)
    _convert(current_names(table)[0], str(path), kind)
    try:
        rewritten, changes = rewrite(text)
        if changes:
            _replace(path, rewritten)
    except SettingError as error:
        raise SettingError(f"{path}: {error}") from None
    except OSError as error:
        raise SettingError(f"{path}: cannot be written: {error.strerror}") from None
    return changes


def _replace(path: Path, text: str) -> None:
    """As whose it was, and who may read it, where a link leads, too; what it was lies beside it."""
    shutil.copy2(path, path.with_name(path.name + ".bak"))
    old = path.stat()
    atomic_file.write(path.resolve(), text.encode(), mode=stat.S_IMODE(old.st_mode), owner=(old.st_uid, old.st_gid))


def _is_there(path: Path) -> bool:
    """Whether there is such a file. One that cannot even be looked for is taken to be: reading it says why."""
    try:
        path.stat()
    except OSError as error:
        return not isinstance(error, FileNotFoundError | NotADirectoryError)
    return True


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = path.read_bytes().decode(
            "utf-8-sig"
        )  # some editors begin a file with a mark; line ends stay as they are
        return text, parse(text)
    except OSError as error:
        raise SettingError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SettingError(f"{path}: expected UTF-8 text, got byte {error.object[error.start]:#04x}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{path}: expected TOML, got: {error}") from None


def parse(text: str) -> dict[str, Any]:
    """What a text of TOML says. Raises tomllib.TOMLDecodeError."""
    try:
        table = tomllib.loads(text)
        msgspec.json.encode(table, enc_hook=str)  # what cannot be written again could be neither compared nor told
    except UnicodeEncodeError:
        return table  # of an option's bytes; the type says what may be
    except tomllib.TOMLDecodeError:
        raise
    except (ValueError, RecursionError):
        # Python's limits, not TOML's: 4300 digits, and as many levels as its stack has.
        raise tomllib.TOMLDecodeError("a number that is too long, or lists or tables nested too deep") from None
    return table


def _assignment(text: str) -> tuple[tuple[str, ...], Any]:
    place, equals, value = text.partition("=")
    path = tuple(place.strip().split("."))
    if not equals or not all(path) or len(path) != (3 if path[0] == "cameras" else 2):
        raise SettingError(
            f'--set {place}: expected section.key=value, such as camera.fps=15 or cameras.garden.fps=15, got "{place}"'
        )
    try:
        parsed = parse(f"value = {value}")
    except tomllib.TOMLDecodeError:
        return path, value
    return path, parsed["value"] if len(parsed) == 1 else value


def _convert(table: dict[str, Any], where: str, kind: type[Config]) -> Config:
    try:
        config = convert({name: keys for name, keys in table.items() if name != "cameras"}, kind)
        return msgspec.structs.replace(config, cameras=_cameras(table.get("cameras", {}), config.first_camera))
    except ValidationError as error:
        if not error.path:
            raise SettingError(f"{where}: {error.problem}") from None
        depth = 2 if error.path[0] == "cameras" else 1
        section, key = ".".join(error.path[:depth]), error.path[depth:]
        line = f"{where}: [{section}] {' '.join(key)}" if key else f"{where}: [{section}]"
        problem = error.problem
        if key and problem.startswith("unknown"):
            problem = _elsewhere(key[0], problem, kind)
        raise SettingError(f"{' '.join(line.split())}: {problem}") from None


def _cameras(table: Any, first: str) -> dict[str, CameraSettings]:
    """The cameras after the first one. Raises ValidationError."""
    if not isinstance(table, dict):
        raise ValidationError(("cameras",), f"expected sections such as [cameras.garden], got {quote(table)}")
    if len(table) >= MAX_CAMERAS:
        raise ValidationError(("cameras",), f"expected at most {MAX_CAMERAS - 1}, got {len(table)}")
    cameras: dict[str, CameraSettings] = {}
    for name, keys in table.items():
        try:
            convert({"name": name}, CameraSettings)
            settings = convert(keys, CameraSettings)
        except ValidationError as error:
            raise ValidationError(("cameras", name, *error.path), error.problem) from None
        if not name:
            raise ValidationError(("cameras",), 'expected a name, as in [cameras.garden], got ""')
        if settings.name:
            problem = f'expected no name here, for the section gives it: "{name}"; got "{settings.name}"'
            raise ValidationError(("cameras", name, "name"), problem)
        if name == first:
            problem = f'expected another name, for [camera] has the name "{first}" already'
            raise ValidationError(("cameras", name), problem)
        cameras[name] = settings
    return cameras


def _elsewhere(key: str, problem: str, kind: type[Config]) -> str:
    """The problem of an unknown key, with a hint where it stands in the wrong section: all sections that have it."""
    every: dict[str, list[str]] = {}
    for section in _fields(inspect.type_info(kind)):
        for field in _fields(section.type):  # none for the table of cameras: their keys are those of [camera]
            every.setdefault(field.encode_name, []).append(f"[{section.encode_name}]")
    meant = key if key in every else None if "nearest" in problem else nearest(key, every)
    return f'{problem.partition(";")[0]}; the nearest is "{meant}" of {" or ".join(every[meant])}' if meant else problem


def _fields(kind: inspect.Type) -> tuple[inspect.Field, ...]:
    return kind.fields if isinstance(kind, inspect.StructType) else ()
