"""What official images are told is what cloud-init and netplan themselves take, checked by their own programs."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from deploy.image.answers import check
from deploy.image.cloud import MOUNTED, network_config, user_data
from deploy.image.first_boot import network_key
from tests.appliance.container import Container
from tests.appliance.roots import root
from tests.test_image_answers import HASH, KEY

USERS = {
    "a password": {"name": "anna", "password_hash": HASH},
    "keys": {"name": "anna", "ssh_keys": [KEY]},
    "nobody": None,
}
PATIENCE = 60.0  # seconds until a test says that something does not come
# In the place of what installs: it notes each of its starts, and the first of them never comes to an end.
RUN = """echo started >>/srv/runs
[ "$(wc -l </srv/runs)" != 1 ] || exec sleep infinity
rm -r "$1/debs"
"""
CARD = {
    # Raspberry Pi OS looks on the boot partition, which a container does not have.
    "/etc/cloud/cloud.cfg.d/99_card.cfg": "datasource_list: [NoCloud, None]\n",
    "/var/lib/cloud/seed/nocloud/user-data": user_data(check({"hostname": "doorcam"})),
    "/var/lib/cloud/seed/nocloud/meta-data": "instance-id: pi-stream-1\n",
    f"{MOUNTED}/run": RUN,
    f"{MOUNTED}/debs/a.deb": "",
}
SSID, PASSWORD = 'caf\u00e9: "1" {', "correct horse"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Container]:
    """A machine with cloud-init and netplan as Debian 13 has them, and what the second way puts onto a card."""
    with Container(root("cloud"), files=CARD) as container:
        yield container


def runs(machine: Container, count: int) -> None:
    """Wait until the installation was started that many times."""
    deadline = time.monotonic() + PATIENCE
    while machine.run("sh", "-c", "cat /srv/runs || true") != "started\n" * count:
        assert time.monotonic() < deadline, machine.run("journalctl", "--no-pager")
        time.sleep(0.05)


def test_a_power_cut_during_the_installation_is_made_good_at_the_next_start(cloud: Container) -> None:
    """cloud-init runs its commands once, at the first start; what they began goes on, and once done stays so."""
    runs(cloud, 1)
    os.kill(cloud.leader, signal.SIGKILL)
    cloud.power_off()
    cloud.boot()
    runs(cloud, 2)
    assert "already ran" in cloud.read("/var/log/cloud-init.log")
    said = cloud.run("journalctl", "--boot", "--no-pager", "--unit=pi-stream-first-*")  # as docs/flash.md has it
    assert "Started pi-stream-first-boot.service" in said


@pytest.mark.parametrize("user", USERS.values(), ids=USERS)
def test_cloud_init_takes_the_user_data(cloud: Container, user: dict[str, object] | None) -> None:
    """Its schema knows every key and every value."""
    answers = check({"hostname": "doorcam", "timezone": "Europe/Berlin", **({"user": user} if user else {})})
    cloud.write("/srv/user-data", user_data(answers))
    assert "Valid schema" in cloud.run("cloud-init", "schema", "--config-file", "/srv/user-data")


@pytest.mark.parametrize("password", [PASSWORD, ""], ids=["a password", "none"])
def test_netplan_joins_that_network(cloud: Container, password: str) -> None:
    """cloud-init's schema takes it, and netplan makes a connection of it with the name and the key that were meant."""
    answers = check({"hostname": "a", "wifi": {"ssid": SSID, "password": password, "country": "DE", "hidden": True}})
    text = network_config(answers)
    cloud.write("/srv/network-config", text)
    said = cloud.run("cloud-init", "schema", "--schema-type=network-config", "--config-file=/srv/network-config")
    assert "Valid schema" in said
    # NetworkManager is what Raspberry Pi OS tells netplan to make it for.
    cloud.run("rm", "-rf", "/srv/root")
    cloud.write("/srv/root/etc/netplan/a.yaml", text.replace("{", '{"renderer": "NetworkManager", ', 1), 0o600)
    cloud.run("netplan", "generate", "--root-dir=/srv/root", check=False)  # it ends with a word to systemd about units
    made = cloud.run("sh", "-c", "cat /srv/root/run/NetworkManager/system-connections/*wlan0*")
    assert f"\nssid={SSID}\n" in made
    assert answers.wifi is not None
    assert (f"\npsk={network_key(answers.wifi)}\n" in made) is bool(password)
