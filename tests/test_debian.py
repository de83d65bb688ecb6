"""The papers of the Debian package; the package itself is tested in tests/appliance/test_package.py."""

import re
import tomllib
from pathlib import Path

import msgspec

from pi_stream import __version__
from pi_stream.config import files as config_files
from pi_stream.config.settings import Config

DEBIAN = Path(__file__).parent.parent / "deploy" / "debian"


def test_the_packages_version_is_the_programs() -> None:
    """The newest entry of deploy/debian/changelog says so."""
    first = (DEBIAN / "changelog").read_text().splitlines()[0]
    assert re.fullmatch(rf"pi-stream \({re.escape(__version__)}\) \w+; urgency=\w+", first)


def test_the_packages_settings_change_nothing_and_may_all_be_taken_up(tmp_path: Path) -> None:
    """What /etc/pi-stream/config.toml begins as is right, as it is and with any of its comments taken away."""
    assert config_files.load(DEBIAN / "config.toml") == Config()
    text, found = re.subn(r"^# (\w+ = )", r"\1", (DEBIAN / "config.toml").read_text(), flags=re.MULTILINE)
    assert found > 4
    (tmp_path / "config.toml").write_text(text)
    assert config_files.load(tmp_path / "config.toml") == Config()
    assert set(tomllib.loads(text)) == set(msgspec.to_builtins(Config()))
