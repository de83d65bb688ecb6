"""The answers for cloud-init, which the official images of Raspberry Pi OS contain since November 2025.

It reads three files from the boot partition, which any computer can write: `user-data` (the user, and commands),
`network-config` (in netplan's format) and `meta-data` (an id; cloud-init runs again when it changes).
https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html
"""

import hashlib
import json
from typing import Any

from deploy.image.answers import Answers
from deploy.image.debs import Deb
from deploy.image.first_boot import (
    INSTALLER,
    JOURNAL,
    JOURNAL_PATH,
    bundle,
    installer,
    network_key,
    password_hash,
    wants_ssh,
)
from deploy.image.parts import File

FOLDER = "/pi-stream"  # on the boot partition
MOUNTED = f"/boot/firmware{FOLDER}"  # where Raspberry Pi OS mounts it


def files(answers: Answers, debs: list[Deb]) -> list[File]:
    """The files for the boot partition, whose file system has no modes."""
    user, network = user_data(answers), network_config(answers)
    name = hashlib.sha256((user + network).encode()).hexdigest()[:16]
    return [
        *(part for part in bundle(answers, debs, FOLDER, user=None) if isinstance(part, File)),
        File("/user-data", user.encode()),
        File("/network-config", network.encode()),
        File("/meta-data", f"dsmode: local\ninstance-id: pi-stream-{name}\n".encode()),
    ]


def user_data(answers: Answers) -> str:
    """cloud-init's user-data: the machine's name, its user, and the start of the installation."""
    data: dict[str, Any] = {"hostname": answers.hostname, "manage_etc_hosts": True}
    if answers.timezone is not None:
        data["timezone"] = answers.timezone
    # A unit, which starts again after a power cut: cloud-init marks a command as done before it runs it.
    commands = [["systemctl", "daemon-reload"], ["systemctl", "enable", "--now", "--no-block", INSTALLER]]
    if (user := answers.user) is not None:
        # `user`, not `users`: it renames the first user of the image, which is in all the groups of a Pi.
        entry: dict[str, Any] = {
            "name": user.name,
            "shell": "/bin/bash",
            "lock_passwd": not (hashed := password_hash(user)),
        }
        # Always set: by default the user would inherit the image's own right to be root without a password.
        entry["sudo"] = None if hashed else "ALL=(ALL) NOPASSWD:ALL"  # a user with keys only has no password to enter
        if hashed:
            entry["passwd"] = hashed
        if user.ssh_keys:
            entry["ssh_authorized_keys"] = list(user.ssh_keys)
        data["user"] = entry
        if wants_ssh(user):
            data["ssh_pwauth"] = not user.ssh_keys  # with keys no password is needed, so none can be guessed
            commands.insert(0, ["systemctl", "enable", "--now", "ssh"])
    data["write_files"] = [
        {"path": JOURNAL_PATH, "content": JOURNAL},
        {"path": f"/etc/systemd/system/{INSTALLER}", "content": installer(MOUNTED)},
    ]
    data["runcmd"] = commands
    return "#cloud-config\n" + _yaml(data)


def network_config(answers: Answers) -> str:
    """netplan's format: Ethernet, and Wi-Fi if it is set. The boot waits for neither."""
    network: dict[str, Any] = {"version": 2, "ethernets": {"eth0": {"dhcp4": True, "dhcp6": True, "optional": True}}}
    if (wifi := answers.wifi) is not None:
        point: dict[str, Any] = {"hidden": True} if wifi.hidden else {}
        if key := network_key(wifi):
            point["password"] = key
        else:
            point["auth"] = {"key-management": "none"}
        network["wifis"] = {
            "wlan0": {
                "dhcp4": True,
                "optional": True,
                "regulatory-domain": wifi.country,
                "access-points": {wifi.ssid: point},
            }
        }
    return _yaml({"network": network})


def _yaml(data: dict[str, Any]) -> str:
    """One key a line, with its value as JSON, which is valid YAML 1.2."""
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in data.items())
