"""What a card must know: right answers are taken, and every wrong one is refused in a sentence that says where."""

from pathlib import Path
from typing import Any

import pytest

from deploy.image.answers import Answers, load
from pi_stream.errors import SettingError

EXAMPLE = Path("deploy/image/answers.toml")
HASH = f"$6$salt${'x' * 86}"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBrCE9wUuf9Kt0QRkcAsrXMZlwTNQY6S9dwoTkDd4XfD anna@laptop"


def read(tmp_path: Path, text: str) -> Answers:
    """The answers of this text."""
    path = tmp_path / "answers.toml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_the_example_is_right() -> None:
    """Whoever copies the example has answers that are taken, with every key shown once."""
    answers = load(Path(__file__).parent.parent / EXAMPLE)
    assert answers.hostname == "doorcam"
    assert answers.wifi is not None
    assert answers.user is not None
    assert answers.settings["camera"] == {"width": 1280, "height": 720}


def test_a_name_is_enough(tmp_path: Path) -> None:
    """A card on a cable needs no more than its name."""
    assert read(tmp_path, 'hostname = "a"') == Answers(hostname="a")


@pytest.mark.parametrize(
    "wifi",
    ['"8 letters"', '"' + "x" * 63 + '"', '"' + "0123456789abcdefABCDEF" + "0" * 42 + '"', '""', '"\\"$`\\\\ \'; rm"'],
)
def test_keys_of_networks(tmp_path: Path, wifi: str) -> None:
    """Passphrases of 8 to 63 characters, whatever they are, the key itself in hex, and none for an open network."""
    read(tmp_path, f'hostname = "a"\n[wifi]\nssid = "café ☕"\npassword = {wifi}\ncountry = "DE"')


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("", "hostname", "expected 1 to 63 letters"),
        ('hostname = "door cam"', "hostname", 'got "door cam"'),
        ('hostname = "-cam"', "hostname", "no hyphen first or last"),
        ('hostname = "door.cam"', "hostname", "no dot"),
        (f'hostname = "{"x" * 64}"', "hostname", "1 to 63"),
        ('hostname = "a\\n"', "hostname", "1 to 63"),
        ("hostname = 7", "hostname", "got 7"),
        ('hostname = "a"\nhostnam = "b"', "hostnam", 'the nearest is "hostname"'),
        ('hostname = "a"\ntimezone = "Europe/Berlim"', "timezone", 'the nearest is "Europe/Berlin"'),
        ('hostname = "a"\nread_only = "yes"', "read_only", 'expected true or false, got "yes"'),
        ('hostname = "a"\n[wifi]\nssid = "x"', "[wifi] password", "got nothing"),
        ('hostname = "a"\n[wifi]\nssid = "x"\npassword = "seven77"\ncountry = "DE"', "[wifi] password", "got 7 char"),
        (f'hostname = "a"\n[wifi]\nssid = "x"\npassword = "{"x" * 64}"\ncountry = "DE"', "[wifi] password", "got 64"),
        ('hostname = "a"\n[wifi]\nssid = "x"\npassword = "pässwörter"\ncountry = "DE"', "[wifi] password", "ASCII"),
        (f'hostname = "a"\n[wifi]\nssid = "{"ä" * 17}"\npassword = ""\ncountry = "DE"', "[wifi] ssid", "32 bytes"),
        ('hostname = "a"\n[wifi]\nssid = ""\npassword = ""\ncountry = "DE"', "[wifi] ssid", "1 to 32 bytes"),
        ('hostname = "a"\n[wifi]\nssid = "x\\ny"\npassword = ""\ncountry = "DE"', "[wifi] ssid", "1 to 32 bytes"),
        ('hostname = "a"\n[wifi]\nssid = "x"\npassword = ""\ncountry = "UK"', "[wifi] country", "ISO 3166"),
        ('hostname = "a"\n[wifi]\nssid = "x"\npassword = ""\ncountry = "de"', "[wifi] country", 'got "de"'),
        ('hostname = "a"\n[user]\nname = "Anna"\npassword = "12345678"', "[user] name", "small letters"),
        ('hostname = "a"\n[user]\nname = "root"\npassword = "12345678"', "[user] name", "the system does not use"),
        ('hostname = "a"\n[user]\nname = "anna"', "[user] password", "got none of them"),
        ('hostname = "a"\n[user]\nname = "anna"\npassword = "1234567"', "[user] password", "8 to 128"),
        ('hostname = "a"\n[user]\nname = "anna"\npassword_hash = "secret"', "[user] password_hash", "openssl passwd"),
        (f'hostname = "a"\n[user]\nname = "anna"\npassword = "12345678"\npassword_hash = "{HASH}"',
         "[user] password_hash", "got both"),
        ('hostname = "a"\n[user]\nname = "anna"\nssh_keys = ["anna"]', "[user] ssh_keys", "a complete line"),
        (f'hostname = "a"\n[user]\nname = "anna"\nssh_keys = ["{KEY}\\nssh-rsa"]', "[user] ssh_keys", "complete line"),
        ('hostname = "a"\n[user]\nname = "anna"\nssh_keys = ["ssh-rsa AAAA"]', "[user] ssh_keys", "public keys"),
        ('hostname = "a"\n[pi-stream.camera]\nwdth = 640', "[pi-stream.camera] wdth", 'the nearest is "width"'),
        ('hostname = "a"\n[pi-stream.camera]\nwidth = 641', "[pi-stream.camera] width", "an even whole number"),
        ('hostname = "a"\n[pi-stream.kamera]\nwidth = 640', "[pi-stream] kamera", 'the nearest is "camera"'),
        ('hostname = "a"\n[pi-stream.server]\nport = 65536', "[pi-stream.server] port", "0 to 65535"),
        ('hostname = "LocalHost"', "hostname", "every machine has"),
        ('hostname = "doorcam.local"', "hostname", "no dot"),
        ('hostname = "türkamera"', "hostname", "expected 1 to 63 letters"),
        ('hostname = "a"\n[user]\nname = "games"\npassword = "12345678"', "[user] name", "the system does not use"),
        ('hostname = "a"\n[user]\nname = "video"\npassword = "12345678"', "[user] name", "the system does not use"),
        (f'hostname = "a"\n[user]\nname = "anna"\npassword = "{"日" * 86}"', "[user] password", "at most 256 bytes"),
        (f'hostname = "a"\n[user]\nname = "anna"\npassword_hash = "{HASH[:-1]}"', "[user] password_hash", "complete"),
        ('hostname = "a"\n[user]\nname = "anna"\npassword_hash = "$1$salt$qJH7.N4xYta3aEG/dfqo/0"',
         "[user] password_hash", "complete hash"),
        (f'hostname = "a"\n[user]\nname = "anna"\nssh_keys = ["{KEY[:60]}"]', "[user] ssh_keys", "complete line"),
        (f'hostname = "a"\n[user]\nname = "anna"\nssh_keys = ["{KEY}"]\nssh = false', "[user] ssh", "only with ssh"),
        ('hostname = "a"\n[pi-stream.server]\nport = 0', "[pi-stream.server] port", "a fixed port"),
        ('hostname = "a"\n[pi-stream.server]\nport = 22', "[pi-stream.server] port", "ssh's"),
        ('hostname = "a"\n[pi-stream.server]\nhost = "127.0.0.1"', "[pi-stream.server] host", "machines reach"),
        ('hostname = "a"\n[pi-stream.camera]\nsource = "file"', "[pi-stream.camera] path", "a video file"),
        ('hostname = "a"\n[pi-stream.auth]\nmode = "password"', "[pi-stream.auth] mode", "set the password"),
    ],
)  # fmt: skip  # a line a case
def test_wrong_answers(tmp_path: Path, text: str, place: str, problem: str) -> None:
    """Each is refused with the file, the place, what was expected and what was there, on one line."""
    with pytest.raises(SettingError) as caught:
        read(tmp_path, text)
    said = str(caught.value)
    assert said.startswith(f"{tmp_path / 'answers.toml'}: {place}: expected") or ": unknown, expected" in said
    assert problem in said
    assert "\n" not in said


@pytest.mark.parametrize("secret", ["pässwort", "zu kurz"])
def test_a_wrong_password_is_not_repeated(tmp_path: Path, secret: str) -> None:
    """What is refused may be a real secret with a typing mistake, and messages are copied into forums."""
    for text in (
        f'[wifi]\nssid = "x"\npassword = "{secret}"\ncountry = "DE"',
        f'[user]\nname = "a"\npassword = "{secret[:7]}"',
    ):
        with pytest.raises(SettingError) as caught:
            read(tmp_path, f'hostname = "a"\n{text}')
        assert secret[:7] not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff", b"hostname ="], ids=["not UTF-8", "not TOML"])
def test_what_is_no_toml(tmp_path: Path, content: bytes) -> None:
    """A file that cannot be read is said to be so."""
    path = tmp_path / "answers.toml"
    path.write_bytes(content)
    with pytest.raises(SettingError, match="expected"):
        load(path)
    with pytest.raises(SettingError, match="cannot be read: No such file"):
        load(tmp_path / "none.toml")


def test_a_private_key_is_not_repeated(tmp_path: Path) -> None:
    """Of what was pasted into the wrong place, no more than its beginning is said."""
    with pytest.raises(SettingError) as caught:
        read(tmp_path, 'hostname = "a"\n[user]\nname = "anna"\nssh_keys = ["-----BEGIN PRIVATE KEY-----MC4CAQAw"]')
    assert "BEGIN PRIVATE" in str(caught.value)
    assert "MC4CAQAw" not in str(caught.value)


def test_a_file_from_windows(tmp_path: Path) -> None:
    """Its mark at the beginning and its ends of lines are no part of the answers."""
    path = tmp_path / "answers.toml"
    path.write_bytes(b'\xef\xbb\xbfhostname = "a"\r\nread_only = true\r\n')
    assert load(path) == Answers(hostname="a", read_only=True)


@pytest.mark.parametrize(
    "password_hash", [HASH, f"$5$rounds=5000$salt${'x' * 43}", f"$y$j9T$salt${'x' * 43}"], ids=["6", "5", "y"]
)
def test_whole_hashes(tmp_path: Path, password_hash: str) -> None:
    """As openssl and mkpasswd print them."""
    answers = read(tmp_path, f'hostname = "a"\n[user]\nname = "pi"\npassword_hash = "{password_hash}"')
    assert answers.user is not None
    assert answers.user.password_hash == password_hash


def test_real_public_keys(tmp_path: Path) -> None:
    """Keys as ssh-keygen makes them are taken."""
    answers: Any = read(tmp_path, f'hostname = "a"\n[user]\nname = "anna"\nssh_keys = ["{KEY}"]')
    assert answers.user.ssh_keys == (KEY,)
