"""The answers: the settings of a card. `answers.toml` beside this file documents them."""

import re
import tomllib
import zoneinfo
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from deploy.image.errors import CardError
from deploy.image.public_key import is_public_key
from pi_stream.config.files import parse
from pi_stream.config.settings import Config
from pi_stream.errors import SettingError
from pi_stream.lib.validation import ValidationError, convert, nearest, quote

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
        pattern=r"^[a-z][a-z0-9_-]{0,30}\Z",  # what adduser accepts without --force
        description="a user's name of 1 to 31 small letters, digits, hyphens and underscores, beginning with a letter",
    ),
]
Hash = Annotated[
    str,
    Meta(
        # crypt(5): SHA-512, SHA-256, yescrypt, scrypt. It must be complete, or the user could not log in.
        pattern=r"^(\$6\$(rounds=[0-9]+\$)?[^$:\s]{1,16}\$[./A-Za-z0-9]{86}|\$5\$(rounds=[0-9]+\$)?[^$:\s]{1,16}\$[./A-Za-z0-9]{43}"
        r"|\$(y|7)\$[./A-Za-z0-9]+\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43})\Z",
        description='a complete hash as "openssl passwd -6" prints it, beginning with $6$, $5$, $y$ or $7$',
    ),
]
Password = Annotated[
    str, Meta(pattern=r"^[^\x00-\x1f\x7f]{8,128}\Z", description="a text of 8 to 128 characters on one line")
]

# Users and groups of Debian and Raspberry Pi OS, which cannot be names of a new user with a group of its own. "pi" is
# not among them: it is the first user already.
_TAKEN_NAMES = """_apt _ssh adm audio avahi backup bin bluetooth cdrom clock crontab daemon dialout dip disk dnsmasq fax
floppy games gpio i2c input irc kmem kvm list lp lpadmin mail man messagebus netdev news nobody nogroup operator
pi-stream plugdev polkitd proxy render root rpi-first-boot-wizard rtkit sasl sgx shadow spi src ssh ssl-cert sshd
staff statd sudo sync sys systemd-coredump systemd-journal systemd-network systemd-resolve systemd-timesync tape tty
users utmp uucp uuidd video voice www-data"""
_MAX_PASSWORD_BYTES = 256  # `openssl passwd` ignores what follows


class Wifi(Struct, frozen=True, forbid_unknown_fields=True):
    """[wifi]: the network to join. `password` is "" for an open network."""

    ssid: str
    password: str
    country: str
    hidden: bool = False


class User(Struct, frozen=True, forbid_unknown_fields=True):
    """[user]: the user who may log in. `ssh`: over the network; None: yes if there are keys."""

    name: Name
    password: Password | None = None
    password_hash: Hash | None = None
    ssh_keys: Annotated[tuple[str, ...], Meta(max_length=32)] = ()
    ssh: bool | None = None


class Answers(Struct, frozen=True, forbid_unknown_fields=True, rename={"settings": "pi-stream"}):
    """All answers. `settings` are the settings of pi-stream that differ from its defaults."""

    hostname: Hostname
    timezone: str | None = None
    wifi: Wifi | None = None
    user: User | None = None
    settings: dict[str, dict[str, Any]] = {}
    read_only: bool = False


def load(path: Path) -> Answers:
    """Read and check the answers. Raises SettingError: one line with file, key, expected and got."""
    try:
        table = parse(path.read_text(encoding="utf-8-sig"))  # some editors begin a file with a byte order mark
    except OSError as error:
        raise SettingError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SettingError(f"{path}: expected UTF-8 text, got byte {error.object[error.start]:#04x}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{path}: expected TOML, got: {error}") from None
    try:
        return check(table)
    except ValidationError as error:
        *section, key = error.path or ("the file",)
        place = f"[{'.'.join(section)}] {key}" if section else key
        raise SettingError(f"{path}: {place}: {error.problem}") from None


def check(table: dict[str, Any]) -> Answers:
    """Check answers that were read from TOML. Raises ValidationError."""
    try:
        answers = convert(table, Answers)
    except ValidationError as error:
        raise _without_secret(error) from None
    try:
        convert(answers.settings, Config)
    except ValidationError as error:
        raise ValidationError(("pi-stream", *error.path), error.problem) from None
    if answers.timezone is not None and answers.timezone not in (zones := zoneinfo.available_timezones()):
        raise _unknown(("timezone",), "a time zone such as Europe/Berlin", answers.timezone, zones)
    if answers.wifi is not None:
        _check_wifi(answers.wifi)
    if answers.user is not None:
        _check_user(answers.user)
    if answers.hostname.lower() == "localhost":
        raise ValidationError(("hostname",), 'expected another name, got "localhost", which every machine has')
    _check_reach(answers)
    return answers


def _without_secret(error: ValidationError) -> ValidationError:
    """The same error without the password that was given: people copy error messages into forums."""
    expected, got, value = error.problem.partition(", got ")
    if error.path[-1:] and error.path[-1].startswith("password") and got and value != "nothing":
        return ValidationError(error.path, f"{expected}, got another value")
    return error


def _check_wifi(wifi: Wifi) -> None:
    if not 1 <= len(wifi.ssid.encode()) <= 32 or re.search(r"[\x00-\x1f\x7f]", wifi.ssid):  # IEEE 802.11: 32 octets
        raise ValidationError(("wifi", "ssid"), f"expected a name of 1 to 32 bytes of UTF-8, got {quote(wifi.ssid)}")
    key = wifi.password  # IEEE 802.11, annex J.4: a passphrase of 8 to 63 printable ASCII characters, or the key in hex
    if key and not re.fullmatch(r"[ -~]{8,63}|[0-9a-fA-F]{64}", key):
        expected = 'expected 8 to 63 printable ASCII characters, 64 hexadecimal digits, or "" for an open network'
        raise ValidationError(
            ("wifi", "password"), f"{expected}, got {len(key)} characters"
        )  # never the password itself
    if wifi.country not in (known := countries()):
        raise _unknown(("wifi", "country"), "a country code (ISO 3166) such as DE", wifi.country, known)


def _check_reach(answers: Answers) -> None:
    """Check settings that pi-stream accepts, but with which a new card would serve a page that no browser reaches."""
    camera, server, auth = (answers.settings.get(name, {}) for name in ("camera", "server", "auth"))
    if (port := server.get("port")) in (0, 22):
        expected = "expected a fixed port that is not ssh's, such as 80"
        raise ValidationError(("pi-stream", "server", "port"), f"{expected}, got {port}")
    if (host := server.get("host")) in ("localhost", "127.0.0.1", "::1"):
        expected = "expected an address that other machines reach, or none for all addresses"
        raise ValidationError(("pi-stream", "server", "host"), f"{expected}, got {quote(host)}")
    if camera.get("source") == "file" and not camera.get("path"):
        raise ValidationError(
            ("pi-stream", "camera", "path"), 'expected a video file, because source is "file", got nothing'
        )
    if auth.get("mode") == "password" and answers.user is None:
        expected = 'expected "open", or a [user] to log in and set the password'
        raise ValidationError(("pi-stream", "auth", "mode"), f'{expected}, got "password" and no [user]')


def _check_user(user: User) -> None:
    if user.name in _TAKEN_NAMES.split():
        raise ValidationError(("user", "name"), f'expected a name that the system does not use, got "{user.name}"')
    if user.password is not None and user.password_hash is not None:
        raise ValidationError(("user", "password_hash"), "expected either password or password_hash, got both")
    for key in user.ssh_keys:
        if not is_public_key(key):
            expected = 'expected public keys, each a complete line such as "ssh-ed25519 AAAA... anna@laptop"'
            raise ValidationError(
                ("user", "ssh_keys"), f"{expected}, got {quote(key[:24])}"
            )  # it may be the private key
    if user.password is None and user.password_hash is None:
        if not user.ssh_keys:
            raise ValidationError(
                ("user", "password"), "expected a password, a password_hash or ssh_keys, got none of them"
            )
        if user.ssh is False:
            raise ValidationError(("user", "ssh"), "expected true, or a password: keys work only with ssh, got false")
    if (size := len((user.password or "").encode())) > _MAX_PASSWORD_BYTES:
        raise ValidationError(
            ("user", "password"), f"expected at most {_MAX_PASSWORD_BYTES} bytes of UTF-8, got {size}"
        )


def countries() -> set[str]:
    """The codes of all countries (ISO 3166), from the time zone database. Raises CardError if it is missing."""
    for folder in zoneinfo.TZPATH:
        if (path := Path(folder) / "iso3166.tab").exists():
            return {line[:2] for line in path.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"}
    raise CardError("no list of countries (iso3166.tab); install it with: sudo apt install tzdata")


def _unknown(path: tuple[str, ...], expected: str, got: str, known: set[str]) -> ValidationError:
    meant = nearest(got, known)
    hint = f'; the nearest is "{meant}"' if meant else ""
    return ValidationError(path, f"expected {expected}, got {quote(got)}{hint}")
