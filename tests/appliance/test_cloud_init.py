"""What official images are told is what cloud-init and netplan themselves take, checked by their own programs."""

from collections.abc import Iterator

import pytest

from deploy.image.answers import check
from deploy.image.cloud import network_config, user_data
from deploy.image.first_boot import network_key
from tests.appliance.container import Container
from tests.appliance.roots import root
from tests.test_image_answers import HASH, KEY

USERS = {
    "a password": {"name": "anna", "password_hash": HASH},
    "keys": {"name": "anna", "ssh_keys": [KEY]},
    "nobody": None,
}
SSID, PASSWORD = 'caf\u00e9: "1" {', "correct horse"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Container]:
    """A machine with cloud-init and netplan as Debian 13 has them."""
    with Container(root("cloud")) as container:
        yield container


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
