"""The answers: what a card must know to come up by itself. `answers.toml` beside this file lists them for people."""

import base64
import binascii
import re
import tomllib
import zoneinfo
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from deploy.image.errors import CardError
from pi_stream.config import Config
from pi_stream.errors import SettingError
from pi_stream.shape import ShapeError, convert, nearest, quote

Hostname = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z",  # RFC 1123, one label: more would break NAME.local
        description="1 to 63 letters, digits and hyphens, with no hyphen first or last and no dot",
    ),
]
Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_-]{0,30}\Z",  # what adduser takes without being forced
        description="a user's name of 1 to 31 small letters, digits, hyphens and underscores, beginning with a letter",
    ),
]
Hash = Annotated[
    str,
    Meta(
        pattern=r"^\$(y|7|6|5)\$[./A-Za-z0-9$=,]{20,200}\Z",  # crypt(5): yescrypt, scrypt, SHA-512, SHA-256
        description='a hash as "openssl passwd -6" prints it, beginning with $y$, $7$, $6$ or $5$',
    ),
]
Password = Annotated[
    str, Meta(pattern=r"^[^\x00-\x1f\x7f]{8,128}\Z", description="a text of 8 to 128 characters on one line")
]

_TAKEN = frozenset({"root", "daemon", "nobody", "pi-stream", "sshd", "systemd-network", "messagebus", "avahi"})
_KEYS = re.compile(
    r"(?P<kind>(?:sk-)?(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521))(?:@openssh\.com)?)"
    r" (?P<data>[A-Za-z0-9+/]+={0,3})(?: [^\x00-\x1f]*)?"
)


class Wifi(Struct, frozen=True, forbid_unknown_fields=True):
    """[wifi]: the network to join. `password` is empty for a network that has none."""

    ssid: str
    password: str
    country: str
    hidden: bool = False


class User(Struct, frozen=True, forbid_unknown_fields=True):
    """[user]: who may log in, and how. `ssh`: over the network; null means yes if there are keys."""

    name: Name
    password: Password | None = None
    password_hash: Hash | None = None
    ssh_keys: Annotated[tuple[str, ...], Meta(max_length=32)] = ()
    ssh: bool | None = None


class Answers(Struct, frozen=True, forbid_unknown_fields=True, rename={"settings": "pi-stream"}):
    """All of them. `settings` are those of pi-stream's own config.toml that differ from its defaults."""

    hostname: Hostname
    timezone: str | None = None
    wifi: Wifi | None = None
    user: User | None = None
    settings: dict[str, dict[str, Any]] = {}
    read_only: bool = False


def load(path: Path) -> Answers:
    """Read and check the answers. Raises SettingError: one line with file, place, expected and got."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SettingError(f"{path}: expected UTF-8 text, got byte {error.object[error.start]:#04x}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{path}: expected TOML, got: {error}") from None
    try:
        return check(table)
    except ShapeError as error:
        *section, key = error.path or ("the file",)
        place = f"[{'.'.join(section)}] {key}" if section else key
        raise SettingError(f"{path}: {place}: {error.problem}") from None


def check(table: dict[str, Any]) -> Answers:
    """Answers of plain data. Raises ShapeError."""
    try:
        answers = convert(table, Answers)
    except ShapeError as error:
        raise _without_secret(error) from None
    try:
        convert(answers.settings, Config)
    except ShapeError as error:
        raise ShapeError(("pi-stream", *error.path), error.problem) from None
    if answers.timezone is not None and answers.timezone not in (zones := zoneinfo.available_timezones()):
        raise _unknown(("timezone",), "a time zone such as Europe/Berlin", answers.timezone, zones)
    if answers.wifi is not None:
        _check_wifi(answers.wifi)
    if answers.user is not None:
        _check_user(answers.user)
    return answers


def _without_secret(error: ShapeError) -> ShapeError:
    """The same without a password that was nearly right: messages are copied into forums."""
    expected, got, value = error.problem.partition(", got ")
    if error.path[-1:] and error.path[-1].startswith("password") and got and value != "nothing":
        return ShapeError(error.path, f"{expected}, got something else")
    return error


def _check_wifi(wifi: Wifi) -> None:
    if not 1 <= len(wifi.ssid.encode()) <= 32 or re.search(r"[\x00-\x1f\x7f]", wifi.ssid):  # IEEE 802.11: 32 octets
        raise ShapeError(("wifi", "ssid"), f"expected a name of 1 to 32 bytes of UTF-8, got {quote(wifi.ssid)}")
    key = wifi.password  # IEEE 802.11, annex J.4: a passphrase of 8 to 63 printable ASCII characters, or the key in hex
    if key and not re.fullmatch(r"[ -~]{8,63}|[0-9a-fA-F]{64}", key):
        expected = 'expected 8 to 63 printable ASCII characters, 64 hexadecimal digits, or "" for an open network'
        raise ShapeError(("wifi", "password"), f"{expected}, got {len(key)} characters")  # never the secret itself
    if wifi.country not in (known := countries()):
        raise _unknown(("wifi", "country"), "a country's two letters (ISO 3166) such as DE", wifi.country, known)


def _check_user(user: User) -> None:
    if user.name in _TAKEN:
        raise ShapeError(("user", "name"), f'expected a name that the system does not use itself, got "{user.name}"')
    if user.password is not None and user.password_hash is not None:
        raise ShapeError(("user", "password_hash"), "expected either password or password_hash, got both")
    for key in user.ssh_keys:
        if not _is_key(key):
            expected = 'expected public keys, each one line such as "ssh-ed25519 AAAA... anna@laptop"'
            raise ShapeError(("user", "ssh_keys"), f"{expected}, got {quote(key)}")
    if user.password is None and user.password_hash is None and not user.ssh_keys:
        raise ShapeError(("user", "password"), "expected a password, a password_hash or ssh_keys, got none of them")


def _is_key(line: str) -> bool:
    """Whether a line is a public key, as far as one can tell: it begins with the length and name of its own kind."""
    found = _KEYS.fullmatch(line)
    if found is None:
        return False
    try:
        data = base64.b64decode(found["data"], validate=True)
    except binascii.Error:
        return False
    kind = found["kind"].encode()
    return data.startswith(len(kind).to_bytes(4, "big") + kind)  # RFC 4253, 6.6


def countries() -> set[str]:
    """The two letters of every country, of the time zone database's list. Raises CardError where there is none."""
    for folder in zoneinfo.TZPATH:
        if (path := Path(folder) / "iso3166.tab").exists():
            return {line[:2] for line in path.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"}
    raise CardError("no list of countries (iso3166.tab); install it with: sudo apt install tzdata")


def _unknown(path: tuple[str, ...], expected: str, got: str, known: set[str]) -> ShapeError:
    meant = nearest(got, known)
    hint = f'; the nearest is "{meant}"' if meant else ""
    return ShapeError(path, f"expected {expected}, got {quote(got)}{hint}")
