"""What lies where on a card that installs pi-stream by itself when it is started for the first time.

Whatever is only a file is put in its place now: the name, the network and the time zone are right before the first
packet is sent. What needs the system running (a user, packages with their scripts) is done once by a unit, from a
folder on the card. Raspberry Pi OS has changed its own ways of doing this three times (firstrun.sh, cloud-init,
rpi-preseed); this one needs none of them, and turns cloud-init off, which would only do the same work again.
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
PORT = 80  # a browser's own: http://HOSTNAME.local needs no number
STATE_LABEL = "pi-stream"  # of the partition that captions live on when the rest is read-only

_HERE = Path(__file__).parent
# The journal's bound, for a card is small. The Debian package has none: it has no say over a whole machine's journal.
JOURNAL_PATH = "/etc/systemd/journald.conf.d/pi-stream.conf"
JOURNAL = (_HERE.parent / "journald.conf").read_text(encoding="utf-8")
INSTALLER = "pi-stream-first-boot.service"

_MAKES_USER = f"""[Unit]
Description=Make the user whom this card was made for
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
    """The unit that installs from this folder, at every start until it is done."""
    # Not a oneshot, for which the rest of the start would wait.
    return f"""[Unit]
Description=Install pi-stream on the first start of this card
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
    # Before userconf-pi's own, which would ask for a name on the screen; and first, so that somebody can log in and
    # look, should the rest go wrong.
    "pi-stream-first-user.service": _MAKES_USER,
    INSTALLER: installer(FOLDER),
}


def bundle(answers: Answers, debs: list[Deb], folder: str, *, user: User | None) -> list[Part]:
    """The folder from which a Pi installs pi-stream. `user` is None where something else makes the user."""
    port = answers.settings.get("server", {}).get("port", PORT)
    parts: list[Part] = [
        Folder(folder, 0o700),  # a password's hash is in it
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
    """All that goes onto the root partition; `hosts` and `fstab` are what it has, `cloud_init` whether it has that."""
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
        # Raspberry Pi OS keeps the radio off until a country is set; NetworkManager remembers that here.
        parts.append(File("/var/lib/NetworkManager/NetworkManager.state", b"[main]\nWirelessEnabled=true\n"))
    if cloud_init:
        parts.append(File("/etc/cloud/cloud-init.disabled", b""))
    if answers.read_only:
        parts.append(File("/etc/fstab", fstab.rstrip(b"\n") + b"\n" + state_line().encode()))
    return parts


def boot_files(answers: Answers, *, cmdline: bytes) -> list[File]:
    """All that goes onto the boot partition; `cmdline` is the kernel's command line that it has."""
    words = cmdline.decode().split()
    if answers.wifi is not None:
        words = [word for word in words if not word.startswith("cfg80211.ieee80211_regdom=")]
        words.append(f"cfg80211.ieee80211_regdom={answers.wifi.country}")
    if answers.read_only:
        words = [word for word in words if word != "resize"]  # behind the root partition lies that of the state
    return [File("/cmdline.txt", (" ".join(words) + "\n").encode())]


def state_line() -> str:
    """The line of fstab for the partition that stays writable. Systemd's own state folders are behind `private`."""
    return f"LABEL={STATE_LABEL} /var/lib/private/pi-stream ext4 defaults,noatime,nofail 0 2\n"


_ASKS = '# mode = "password"  # after: sudo pi-stream password'


def config(answers: Answers) -> str:
    """pi-stream's settings as a file of TOML: what the answers say, and port 80 unless they say another."""
    sections: dict[str, dict[str, Any]] = {name: dict(section) for name, section in answers.settings.items()}
    sections["server"] = {"port": PORT, **sections.get("server", {})}
    sections["auth"] = sections.pop("auth", {})  # there, and last, for what the page tells a new owner to write into it
    lines = ["# Written when this card was made. Every other setting is as in the example of the package."]
    for name, section in sections.items():
        # What JSON says of texts, numbers, true and false, and lists of them, TOML says just so.
        settings = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in section.items()]
        lines += ["", f"[{name}]", *(settings or [_ASKS] if name == "auth" else settings)]
    return "\n".join(lines) + "\n"


def password_hash(user: User) -> str:
    """What stands for the password in the system's list of users; empty for nobody who has keys only."""
    if user.password_hash is not None or user.password is None:
        return user.password_hash or ""
    return run("openssl", "passwd", "-6", "-stdin", given=user.password).stdout.decode().strip()


def wants_ssh(user: User) -> bool:
    """Whether this user is to be let in over the network."""
    return bool(user.ssh_keys) if user.ssh is None else user.ssh


def network_key(wifi: Wifi) -> str:
    """The key that a passphrase stands for, in hex (IEEE 802.11, annex J.4), so that the card does not have the words.

    Empty for an open network. A network of WPA3 alone needs the words themselves, and cannot be joined like this.
    """
    if re.fullmatch(r"[0-9a-fA-F]{64}", wifi.password) or not wifi.password:
        return wifi.password.lower()
    return pbkdf2_hmac("sha1", wifi.password.encode("ascii"), wifi.ssid.encode(), 4096, 32).hex()


def _connection(wifi: Wifi) -> bytes:
    """NetworkManager's own file of a connection (nm-settings-keyfile(5)); it ignores one that others may read."""
    ssid = ";".join(str(byte) for byte in wifi.ssid.encode()) + ";"  # as bytes: no character needs escaping then
    name = uuid.uuid5(uuid.NAMESPACE_DNS, f"{wifi.ssid}.wifi.pi-stream")
    lines = ["[connection]", "id=pi-stream", f"uuid={name}", "type=wifi", ""]
    lines += ["[wifi]", "mode=infrastructure", f"ssid={ssid}", *(["hidden=true"] if wifi.hidden else []), ""]
    if key := network_key(wifi):
        lines += ["[wifi-security]", "key-mgmt=wpa-psk", f"psk={key}", ""]
    lines += ["[ipv4]", "method=auto", "", "[ipv6]", "method=auto"]
    return ("\n".join(lines) + "\n").encode()


def _hosts(text: str, hostname: str) -> bytes:
    """The list of hosts with this machine's name where Debian has it, at 127.0.1.1."""
    lines = [line for line in text.splitlines() if not re.match(r"127\.0\.1\.1\s", line)]
    return ("\n".join([*lines, f"127.0.1.1\t{hostname}"]) + "\n").encode(errors="surrogateescape")
