"""The folder for an official image's boot partition: what cloud-init is told, and all that the Pi then needs."""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.image import __main__ as command
from deploy.image.answers import Answers, check
from deploy.image.cloud import network_config, user_data
from tests.test_image_answers import HASH, KEY
from tests.test_image_build import ANSWERS, deb, needs_tools


def plain(text: str) -> dict[str, Any]:
    """What a file says, by the rule by which it was made: a key and a value in JSON on every line."""
    lines = [line.split(": ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {key: json.loads(value) for key, value in lines}


def answers(**more: Any) -> Answers:
    """Answers with a name and what is given."""
    return check({"hostname": "doorcam", **more})


def test_a_name_is_enough() -> None:
    """Without more, cloud-init names the machine, bounds its journal, and starts the installation."""
    text = user_data(answers())
    assert text.startswith("#cloud-config\n")
    said = plain(text)
    journal, unit = said.pop("write_files")
    assert journal["path"] == "/etc/systemd/journald.conf.d/pi-stream.conf"
    assert "\nSystemMaxUse=32M\n" in journal["content"]
    assert unit["path"] == "/etc/systemd/system/pi-stream-first-boot.service"
    assert "\nExecStart=/bin/sh /boot/firmware/pi-stream/run /boot/firmware/pi-stream\n" in unit["content"]
    assert said == {
        "hostname": "doorcam",
        "manage_etc_hosts": True,
        "runcmd": [
            ["systemctl", "daemon-reload"],
            ["systemctl", "enable", "--now", "--no-block", "pi-stream-first-boot.service"],
        ],
    }


def test_a_user_with_a_password() -> None:
    """The image's first user is renamed, and gets the hash, not the password; the network lets nobody in unasked."""
    said = plain(user_data(answers(user={"name": "anna", "password_hash": HASH})))
    assert said["user"] == {
        "name": "anna", "shell": "/bin/bash", "lock_passwd": False, "sudo": None, "passwd": HASH
    }  # fmt: skip  # one user
    assert not [command for command in said["runcmd"] if "ssh" in command]
    assert "ssh_pwauth" not in said


def test_a_user_with_keys() -> None:
    """Keys turn ssh on, and passwords over the network off."""
    said = plain(user_data(answers(user={"name": "anna", "ssh_keys": [KEY]})))
    assert said["user"]["ssh_authorized_keys"] == [KEY]
    assert said["user"]["lock_passwd"] is True
    assert said["user"]["sudo"] == "ALL=(ALL) NOPASSWD:ALL"
    assert said["ssh_pwauth"] is False
    assert said["runcmd"][0] == ["systemctl", "enable", "--now", "ssh"]


@pytest.mark.parametrize(
    ("wifi", "point"),
    [
        ({"ssid": 'caf\u00e9 "1": {', "password": ""}, {"auth": {"key-management": "none"}}),
        ({"ssid": 'caf\u00e9 "1": {', "password": "a" * 64}, {"password": "a" * 64}),
        ({"ssid": "x" * 32, "password": "", "hidden": True}, {"hidden": True, "auth": {"key-management": "none"}}),
    ],
)  # fmt: skip  # a line a case
def test_networks(wifi: dict[str, Any], point: dict[str, Any]) -> None:
    """The cable always, and the Wi-Fi that was asked for, whatever its name is made of; neither is waited for."""
    network = plain(network_config(answers(wifi={**wifi, "country": "DE"})))["network"]
    assert network["ethernets"]["eth0"]["optional"] is True
    assert network["wifis"]["wlan0"]["regulatory-domain"] == "DE"
    assert network["wifis"]["wlan0"]["access-points"] == {wifi["ssid"]: point}
    assert "wifis" not in plain(network_config(answers()))["network"]


@needs_tools
def test_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It has what cloud-init reads, and a folder with the packages, the settings and what installs them."""
    debs = tmp_path / "debs"
    debs.mkdir()
    package = deb(debs, "pi-stream", "all", 10)
    (tmp_path / "answers.toml").write_text(ANSWERS)
    output = tmp_path / "out"
    words = ["--user-data-only", "--debs", debs, "--answers", tmp_path / "answers.toml", "--out", output]
    assert command.main([str(word) for word in words]) == 0
    assert "boot partition" in capsys.readouterr().out
    files = {str(path.relative_to(output)) for path in output.rglob("*") if path.is_file()}
    assert files == {
        "user-data", "network-config", "meta-data",
        "pi-stream/run", "pi-stream/packages", "pi-stream/waiting.py", "pi-stream/port", "pi-stream/config.toml",
        f"pi-stream/debs/{package.name}",
    }  # fmt: skip  # as a listing
    assert "instance-id: pi-stream-" in (output / "meta-data").read_text()
    everything = b"".join(path.read_bytes() for path in output.rglob("*") if path.is_file())
    assert b"correct horse" not in everything
    assert command.main([str(word) for word in words]) == 1
    assert "use --force" in capsys.readouterr().err
    assert command.main([*(str(word) for word in words), "--force"]) == 0


@needs_tools
def test_read_only_is_for_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An official image has no place for captions beside its root, so the wish is refused and nothing is made."""
    debs = tmp_path / "debs"
    debs.mkdir()
    deb(debs, "pi-stream", "all", 10)
    (tmp_path / "answers.toml").write_text('hostname = "cam"\nread_only = true')
    words = ["--user-data-only", "--debs", debs, "--answers", tmp_path / "answers.toml", "--out", tmp_path / "out"]
    assert command.main([str(word) for word in words]) == 1
    assert "read_only: expected false" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
