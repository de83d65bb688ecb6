"""The same answers for cloud-init, which the official images of Raspberry Pi OS have since November 2025.

It reads three files from the boot partition, where any computer can put them: `user-data` (who, and what to run),
`network-config` (netplan's form) and `meta-data` (a name for this setting up: a new one means to do it again).
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
MOUNTED = f"/boot/firmware{FOLDER}"  # where Raspberry Pi OS has it


def files(answers: Answers, debs: list[Deb]) -> list[File]:
    """What is copied onto the boot partition. Modes do not count there."""
    user, network = user_data(answers), network_config(answers)
    name = hashlib.sha256((user + network).encode()).hexdigest()[:16]
    return [
        *(part for part in bundle(answers, debs, FOLDER, user=None) if isinstance(part, File)),
        File("/user-data", user.encode()),
        File("/network-config", network.encode()),
        File("/meta-data", f"dsmode: local\ninstance-id: pi-stream-{name}\n".encode()),
    ]


def user_data(answers: Answers) -> str:
    """cloud-init's user-data: the machine's name, who may log in, and the start of the installation."""
    said: dict[str, Any] = {"hostname": answers.hostname, "manage_etc_hosts": True}
    if answers.timezone is not None:
        said["timezone"] = answers.timezone
    # By a unit, which starts again after a power cut: cloud-init itself takes a command for done before it runs it.
    commands = [["systemctl", "daemon-reload"], ["systemctl", "enable", "--now", "--no-block", INSTALLER]]
    if (user := answers.user) is not None:
        # `user`, not `users`: it renames the first user that the image has, who is in all the groups of a Pi.
        who: dict[str, Any] = {
            "name": user.name,
            "shell": "/bin/bash",
            "lock_passwd": not (word := password_hash(user)),
        }
        # Said either way: unsaid, the user would inherit the right of the image's own to be root without a password.
        who["sudo"] = None if word else "ALL=(ALL) NOPASSWD:ALL"  # who has only keys could not prove anything else
        if word:
            who["passwd"] = word
        if user.ssh_keys:
            who["ssh_authorized_keys"] = list(user.ssh_keys)
        said["user"] = who
        if wants_ssh(user):
            said["ssh_pwauth"] = not user.ssh_keys  # who has keys needs no door for guessed passwords
            commands.insert(0, ["systemctl", "enable", "--now", "ssh"])
    said["write_files"] = [
        {"path": JOURNAL_PATH, "content": JOURNAL},
        {"path": f"/etc/systemd/system/{INSTALLER}", "content": installer(MOUNTED)},
    ]
    said["runcmd"] = commands
    return "#cloud-config\n" + _yaml(said)


def network_config(answers: Answers) -> str:
    """netplan's form: the cable, and the Wi-Fi if there is one. Neither is waited for."""
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


def _yaml(said: dict[str, Any]) -> str:
    """One key a line for people, and its value as JSON, which YAML 1.2 takes as it is."""
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in said.items())
