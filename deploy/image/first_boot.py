"""The files of a card that installs pi-stream by itself on its first boot.

Plain files are written now, so host name, network and time zone are right before the first packet is sent. Work that
needs the running system (the user, packages with their scripts) is done once by a unit, from a folder on the card.
Raspberry Pi OS has changed its own method three times (firstrun.sh, cloud-init, rpi-preseed). This one needs none of
them, and disables cloud-init, which would repeat the work.
"""

import json
import re
import uuid
from hashlib import pbkdf2_hmac
from pathlib import Path
from typing import Any

from deploy.image.answers import Answers, User, Wifi
from deploy.image.debs import Deb
from deploy.image.parts import File, Folder, Link, Part
from deploy.image.programs import run

FOLDER = "/var/lib/pi-stream-first-boot"
PORT = 80  # the default of http, so that http://HOSTNAME.local needs no port number
STATE_LABEL = "pi-stream"  # of the partition for captions, if the others are read-only

_HERE = Path(__file__).parent
# Limits the journal, because a card is small. The Debian package does not: the journal is the whole machine's.
JOURNAL_PATH = "/etc/systemd/journald.conf.d/pi-stream.conf"
JOURNAL = (_HERE.parent / "journald.conf").read_text(encoding="utf-8")
INSTALLER = "pi-stream-first-boot.service"

_MAKES_USER = f"""[Unit]
Description=Create the user of this card
ConditionPathExists={FOLDER}/user
RequiresMountsFor={FOLDER}
Before=userconfig.service

[Service]
Type=oneshot
ExecStart=/bin/sh {FOLDER}/run {FOLDER} user
StandardOutput=journal+console
TimeoutStartSec=5min

[Install]
WantedBy=multi-user.target
"""


def installer(folder: str) -> str:
    """The unit that installs pi-stream from this folder, at every boot until it has succeeded."""
    # Not Type=oneshot, because the boot would wait for it.
    return f"""[Unit]
Description=Install pi-stream on the first boot of this card
ConditionPathExists={folder}/debs
RequiresMountsFor={folder} /boot/firmware
After=pi-stream-first-user.service rpi-resize.service systemd-growfs-root.service
StartLimitIntervalSec=infinity
StartLimitBurst=3

[Service]
Type=exec
ExecStart=/bin/sh {folder}/run {folder}
StandardOutput=journal+console
RuntimeMaxSec=2h
Restart=on-failure
RestartSec=20

[Install]
WantedBy=multi-user.target
"""


_UNITS = {
    # Before userconf-pi's own unit, which would ask for a name on the screen; and first, so that its user can log in if
    # the installation fails.
    "pi-stream-first-user.service": _MAKES_USER,
    INSTALLER: installer(FOLDER),
}


def bundle(answers: Answers, debs: list[Deb], folder: str, *, user: User | None) -> list[Part]:
    """The folder from which a Pi installs pi-stream. `user`: None if cloud-init creates the user."""
    port = answers.settings.get("server", {}).get("port", PORT)
    parts: list[Part] = [
        Folder(folder, 0o700),  # it holds a password hash
        File(f"{folder}/run", (_HERE / "on-the-pi.sh").read_bytes(), 0o755),
        File(f"{folder}/waiting.py", (_HERE / "waiting.py").read_bytes()),
        File(f"{folder}/port", f"{port}\n".encode()),
        File(f"{folder}/config.toml", config(answers).encode()),
        File(f"{folder}/packages", "".join(f"{deb.name} {deb.version} {deb.file.name}\n" for deb in debs).encode()),
        *(File(f"{folder}/debs/{deb.file.name}", deb.file) for deb in debs),
    ]
    if any(deb.asked_for for deb in debs):
        parts.append(File(f"{folder}/asked-for", "".join(f"{deb.name}\n" for deb in debs if deb.asked_for).encode()))
    if user is not None:
        keys = "".join(f"{key}\n" for key in user.ssh_keys)
        parts += [
            File(f"{folder}/user/name", f"{user.name}\n".encode(), 0o600),
            File(f"{folder}/user/hash", f"{password_hash(user)}\n".encode(), 0o600),
            File(f"{folder}/user/keys", keys.encode(), 0o600),
        ]
        if wants_ssh(user):
            parts.append(File(f"{folder}/user/ssh", b""))
    if answers.read_only:
        parts.append(File(f"{folder}/read-only", b""))
    return parts


def root_parts(answers: Answers, debs: list[Deb], *, hosts: bytes, fstab: bytes, cloud_init: bool) -> list[Part]:
    """Everything for the root partition; `hosts` and `fstab` are its present files; `cloud_init`: it has cloud-init."""
    wanted = "/etc/systemd/system/multi-user.target.wants"
    parts: list[Part] = [
        File("/etc/hostname", f"{answers.hostname}\n".encode()),
        File("/etc/hosts", _hosts(hosts.decode(errors="surrogateescape"), answers.hostname)),
        File(JOURNAL_PATH, JOURNAL.encode()),
        *bundle(answers, debs, FOLDER, user=answers.user),
        *(File(f"/etc/systemd/system/{name}", text.encode()) for name, text in _UNITS.items()),
        *(Link(f"{wanted}/{name}", f"../{name}") for name in _UNITS),
    ]
    if answers.timezone is not None:
        parts.append(File("/etc/timezone", f"{answers.timezone}\n".encode()))
        parts.append(Link("/etc/localtime", f"/usr/share/zoneinfo/{answers.timezone}"))
    if answers.wifi is not None:
        folder = "/etc/NetworkManager/system-connections"
        parts.append(Folder(folder, 0o700))
        parts.append(File(f"{folder}/pi-stream.nmconnection", _connection(answers.wifi), 0o600))
        # Raspberry Pi OS disables Wi-Fi until a country is set; NetworkManager stores that here.
        parts.append(File("/var/lib/NetworkManager/NetworkManager.state", b"[main]\nWirelessEnabled=true\n"))
    if cloud_init:
        parts.append(File("/etc/cloud/cloud-init.disabled", b""))
    if answers.read_only:
        parts.append(File("/etc/fstab", fstab.rstrip(b"\n") + b"\n" + state_line().encode()))
    return parts


def boot_files(answers: Answers, *, cmdline: bytes) -> list[File]:
    """Everything for the boot partition; `cmdline` is its present kernel command line."""
    words = cmdline.decode().split()
    if answers.wifi is not None:
        words = [word for word in words if not word.startswith("cfg80211.ieee80211_regdom=")]
        words.append(f"cfg80211.ieee80211_regdom={answers.wifi.country}")
    if answers.read_only:
        words = [word for word in words if word != "resize"]  # the partition of the state follows the root partition
    return [File("/cmdline.txt", (" ".join(words) + "\n").encode())]


def state_line() -> str:
    """The fstab line of the writable partition; systemd keeps the state folders of dynamic users in `private`."""
    return f"LABEL={STATE_LABEL} /var/lib/private/pi-stream ext4 defaults,noatime,nofail 0 2\n"


_AUTH_HINT = '# mode = "password"  # after: sudo pi-stream password'


def config(answers: Answers) -> str:
    """pi-stream's settings as TOML: those of the answers, and port 80 unless they set another."""
    sections: dict[str, dict[str, Any]] = {name: dict(section) for name, section in answers.settings.items()}
    sections["server"] = {"port": PORT, **sections.get("server", {})}
    sections["auth"] = sections.pop("auth", {})  # always there, and last: the page asks a new owner to edit it
    lines = ["# Written when this card was made. All other settings have the defaults of the package."]
    for name, section in sections.items():
        # Texts, numbers, booleans and lists of them are the same in JSON and TOML.
        settings = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in section.items()]
        lines += ["", f"[{name}]", *(settings or [_AUTH_HINT] if name == "auth" else settings)]
    return "\n".join(lines) + "\n"


def password_hash(user: User) -> str:
    """The password hash for the system's list of users; "" for a user with keys only."""
    if user.password_hash is not None or user.password is None:
        return user.password_hash or ""
    return run("openssl", "passwd", "-6", "-stdin", stdin=user.password).stdout.decode().strip()


def wants_ssh(user: User) -> bool:
    """Whether this user may log in over ssh."""
    return bool(user.ssh_keys) if user.ssh is None else user.ssh


def network_key(wifi: Wifi) -> str:
    """The key of a passphrase in hex (IEEE 802.11, annex J.4), so that the passphrase is not on the card.

    "" for an open network. A network with only WPA3 needs the passphrase itself, and cannot be joined this way.
    """
    if re.fullmatch(r"[0-9a-fA-F]{64}", wifi.password) or not wifi.password:
        return wifi.password.lower()
    return pbkdf2_hmac("sha1", wifi.password.encode("ascii"), wifi.ssid.encode(), 4096, 32).hex()


def _connection(wifi: Wifi) -> bytes:
    """NetworkManager's connection file (nm-settings-keyfile(5)); it ignores a file that other users can read."""
    ssid = ";".join(str(byte) for byte in wifi.ssid.encode()) + ";"  # as bytes, so that no character needs escaping
    name = uuid.uuid5(uuid.NAMESPACE_DNS, f"{wifi.ssid}.wifi.pi-stream")
    lines = ["[connection]", "id=pi-stream", f"uuid={name}", "type=wifi", ""]
    lines += ["[wifi]", "mode=infrastructure", f"ssid={ssid}", *(["hidden=true"] if wifi.hidden else []), ""]
    if key := network_key(wifi):
        lines += ["[wifi-security]", "key-mgmt=wpa-psk", f"psk={key}", ""]
    lines += ["[ipv4]", "method=auto", "", "[ipv6]", "method=auto"]
    return ("\n".join(lines) + "\n").encode()


def _hosts(text: str, hostname: str) -> bytes:
    """/etc/hosts with this machine's name at 127.0.1.1, as in Debian."""
    lines = [line for line in text.splitlines() if not re.match(r"127\.0\.1\.1\s", line)]
    return ("\n".join([*lines, f"127.0.1.1\t{hostname}"]) + "\n").encode(errors="surrogateescape")
