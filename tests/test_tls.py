"""Certificates: our own and those of files; and whom a viewer trusts."""

import errno
import logging
import os
import stat
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from pi_stream.cli import certificate_lines
from pi_stream.config.settings import Config, ServerSettings, TlsSettings
from pi_stream.errors import SettingError
from pi_stream.lib import atomic_file
from pi_stream.server.security.local_addresses import certified
from pi_stream.tls import files
from pi_stream.tls.certificate import Certificate
from pi_stream.tls.identity import Identity
from pi_stream.tls.self_signed import NAME, SelfSigned, load, renewal_reason
from pi_stream.tls.trust import trust
from tests.certificates import DAY, issue

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
NAMES = ("localhost", "garage", "garage.local", "192.0.2.7", "::1")


class Clock:
    """A machine's clock, and whether it is known to be right."""

    def __init__(self, now: datetime = NOW, right: bool = True) -> None:
        self.now, self.right = now, right

    def own(self, folder: Path, *names: str) -> SelfSigned:
        """The service's own certificate, on such a machine, after a start."""
        return SelfSigned(folder / NAME, names or NAMES, now=lambda: self.now, clock_set=lambda: self.right)


# --- our own


def test_it_is_made_once_and_kept_for_the_service_alone(tmp_path: Path) -> None:
    """P-256, for all names and addresses, for no longer than browsers allow; the key is nobody else's to read."""
    made = Clock().own(tmp_path).current
    assert made == Clock().own(tmp_path).current == load(tmp_path / NAME)
    assert made.names == set(NAMES)
    assert made.begins < NOW < made.ends <= made.begins + timedelta(days=398)
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    (found,) = x509.load_pem_x509_certificates(made.public.encode())
    key = found.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert "PRIVATE" not in made.public
    assert "PRIVATE" not in repr(made)


def test_it_is_renewed_with_the_same_key_in_time(tmp_path: Path) -> None:
    """A pin of the key goes on to be right; browsers are shown another certificate."""
    clock = Clock()
    own = clock.own(tmp_path)
    first = own.current
    clock.now = first.ends - timedelta(days=31)
    own.renew(NAMES)
    assert own.current is first
    clock.now = first.ends - timedelta(days=29)
    own.renew(NAMES)
    assert own.current.pin == first.pin
    assert own.current.fingerprint != first.fingerprint
    assert own.current.ends > clock.now + timedelta(days=390)
    assert load(tmp_path / NAME) == own.current


def test_it_is_renewed_for_a_new_name_and_keeps_the_old_ones(tmp_path: Path) -> None:
    """A machine that is carried to and fro between two networks is renewed once; a name that is gone is no reason."""
    own = Clock().own(tmp_path)
    first = own.current
    own.renew(["localhost"])
    assert own.current is first
    own.renew([*NAMES, "198.51.100.3"])
    assert own.current.names == {*NAMES, "198.51.100.3"}
    assert own.current.pin == first.pin
    second = own.current
    own.renew(NAMES)
    assert own.current is second


def test_more_names_than_fit_do_not_renew_it_for_ever(tmp_path: Path) -> None:
    """64 are; the same ones each time."""
    many = [f"10.0.{n // 256}.{n % 256}" for n in range(300)]
    own = Clock().own(tmp_path, *many)
    own.renew(many)
    first = own.current
    own.renew(many)
    assert own.current is first
    assert len(first.names) == 64


def test_a_clock_that_is_not_set_yet_spoils_nothing(tmp_path: Path) -> None:
    """A Pi without a battery starts in the past: what is valid stays, and what is made then is no older."""
    clock = Clock()
    first = clock.own(tmp_path).current
    clock.now, clock.right = datetime(1970, 1, 2, tzinfo=UTC), False
    own = clock.own(tmp_path)
    assert own.current == first
    own.renew([*NAMES, "198.51.100.3"])
    assert own.current.begins >= first.begins
    clock.now, clock.right = NOW + DAY, True
    second = own.current
    own.renew(NAMES)
    assert own.current is second


def test_one_that_was_made_in_the_past_is_made_anew_when_the_clock_is_set(tmp_path: Path) -> None:
    """The first start of all: browsers, who know the time, would find it has ended."""
    clock = Clock(datetime(2024, 7, 4, tzinfo=UTC), right=False)
    own = clock.own(tmp_path)
    first = own.current
    clock.now, clock.right = NOW, True
    own.renew(NAMES)
    assert own.current.begins < NOW < own.current.ends
    assert own.current.pin == first.pin


def test_one_that_was_made_in_the_future_is_made_anew_when_the_clock_is_set(tmp_path: Path) -> None:
    """By a clock whose battery is at its end; only then it is known that it was wrong."""
    clock = Clock(datetime(2099, 1, 1, tzinfo=UTC), right=False)
    own = clock.own(tmp_path)
    clock.now = NOW
    own.renew(NAMES)
    assert own.current.begins > NOW
    clock.right = True
    own.renew(NAMES)
    assert own.current.begins < NOW < own.current.ends


def test_why_it_is_time_is_said(tmp_path: Path) -> None:
    """In words for the log."""
    made = Clock().own(tmp_path).current
    assert renewal_reason(made, [*NAMES, "attic"], NOW, clock_set=True) == "it lacked the name attic"
    assert renewal_reason(made, NAMES, made.ends, clock_set=True) == f"it ends on {made.ends:%Y-%m-%d}"
    assert (
        renewal_reason(made, NAMES, made.begins - DAY, clock_set=True)
        == f"it is not valid before {made.begins:%Y-%m-%d}"
    )
    assert renewal_reason(made, NAMES, made.begins - DAY, clock_set=False) == ""


def test_a_damaged_file_is_told_and_another_takes_its_place(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Cut anywhere, or without a key: the camera is seen all the same."""
    path = tmp_path / NAME
    first = Clock().own(tmp_path).current
    whole = path.read_bytes()
    certificate_alone = whole[whole.index(b"-----BEGIN CERT") :]
    for damaged in (*(whole[:length] for length in range(0, len(whole) - 40, 60)), certificate_alone):
        path.write_bytes(damaged)
        caplog.clear()
        assert Clock().own(tmp_path).current.pin != first.pin
        assert "is damaged" in caplog.text
        assert load(path) is not None


def test_a_file_that_may_not_be_read_is_said_at_the_start(tmp_path: Path) -> None:
    """Another key in its place would be one that nobody knows."""
    (tmp_path / NAME).mkdir()
    with pytest.raises(SettingError, match=r"tls.pem: cannot be read: Is a directory"):
        Clock().own(tmp_path)


def test_where_it_cannot_be_written_the_service_goes_on_and_it_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log says once what that means."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr(atomic_file, "write", full)
        own = Clock().own(tmp_path)
        own.renew(NAMES)
    assert [record.message for record in caplog.records] == [
        f"the certificate cannot be stored, so a restart makes a new one: {tmp_path / NAME}: No space left on device"
    ]
    own.renew(NAMES)
    assert load(tmp_path / NAME) == own.current


async def test_a_renewal_without_a_file_descriptor_is_tried_again_and_another_error_is_a_bug(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The certificate stays meanwhile."""
    monkeypatch.setattr("pi_stream.tls.identity._CHECK_INTERVAL_S", 0)
    identity = Identity(TlsSettings(mode="self-signed"), tmp_path, lambda: NAMES)
    kept = identity.certificate
    errors = [errno.EMFILE, errno.EIO]

    def renew(_own: SelfSigned, _names: Collection[str]) -> None:
        raise OSError(number := errors.pop(0), os.strerror(number))

    monkeypatch.setattr(SelfSigned, "renew", renew)
    with caplog.at_level(logging.WARNING), pytest.raises(OSError, match="Input/output error"):
        await identity.run()
    assert [record.message for record in caplog.records] == [
        "the certificate cannot be renewed now: Too many open files"
    ]
    assert identity.certificate is kept


# --- of files


@pytest.mark.parametrize("bits", [0, 2048])
def test_files_are_taken_with_what_issued_them(tmp_path: Path, bits: int) -> None:
    """P-256 and RSA."""
    issued = issue(tmp_path, "cam.example.org", bits=bits)
    found = files.load(str(issued.certificate), str(issued.key))
    assert found.names == {"cam.example.org"}
    assert found.public.count("BEGIN CERTIFICATE") == 2


def _wrong(folder: Path, what: str) -> Certificate:
    """Load files of which one is wrong in this way."""
    right = issue(folder, "a.example", ends=-DAY / 2 if what == "ended" else 90 * DAY, bits=1024 * (what == "weak"))
    other = folder / "other"
    other.mkdir()
    certificate, key = str(right.certificate), str(right.key)
    match what:
        case "not given":
            certificate = ""
        case "missing":
            key = str(folder / "nowhere.pem")
        case "no certificate" | "no key":
            (right.certificate if what == "no certificate" else right.key).write_text("hello\n")
        case "another's key":
            key = str(issue(other, "a.example").key)
        case "a passphrase":
            key = str(issue(other, "a.example", passphrase=b"secret").key)
        case "authority first":
            right.certificate.write_bytes(right.authority.read_bytes() + right.certificate.read_bytes())
        case "endless":
            right.key.write_bytes(bytes((1 << 20) + 1))
    return files.load(certificate, key)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("not given", '[tls] certificate: expected the path of a file, because mode is "files", got ""'),
        ("missing", "/nowhere.pem cannot be read: No such file or directory"),
        ("no certificate", "[tls] certificate: expected a certificate in PEM, got none in "),
        ("no key", "[tls] key: expected a private key in PEM, got none in "),
        ("another's key", "[tls] key: expected the key of "),
        ("a passphrase", "[tls] key: expected a key without a passphrase, got a key with one in "),
        ("authority first", "[tls] key: expected the key of "),
        ("ended", f"/certificate.pem expired on {datetime.now(UTC) - DAY / 2:%Y-%m-%d}; renew it"),
        ("weak", "[tls] certificate: OpenSSL refuses "),
        ("endless", "[tls] key: expected at most 1 MiB, got more in "),
    ],
)
def test_wrong_files_are_one_sentence(tmp_path: Path, what: str, words: str) -> None:
    """What is wrong with which of them."""
    with pytest.raises(SettingError) as caught:
        _wrong(tmp_path, what)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_begin_in_the_future_are_taken_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It may be the clock that is wrong, until the network tells it the time."""
    issued = issue(tmp_path, "a.example", begins=5 * DAY)
    assert files.load(str(issued.certificate), str(issued.key)).names == {"a.example"}
    assert "by this machine's clock" in caplog.text


# --- whom a viewer trusts


@pytest.mark.parametrize("pin", ["", "AB:CD", "sha256//short=", f"sha256//{'a' * 43}= "])
def test_a_pin_that_is_none_is_refused(pin: str) -> None:
    """Rather than that nobody is trusted, or anybody."""
    with pytest.raises(ValueError, match="expected a pin such as"):
        trust(pin)


@pytest.mark.parametrize("names", ["30058703010203", "3002a300", "3006a504a1020c00", "0102"])
def test_names_that_cannot_be_understood_are_one_sentence(tmp_path: Path, names: str) -> None:
    """An address of three bytes, two kinds that nobody uses, and garbage. At a reload a bug would end the service."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "odd")])
    odd = (
        x509.CertificateBuilder(who, who, key.public_key(), 1, NOW - DAY, NOW + DAY)
        .add_extension(
            x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, bytes.fromhex(names)), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    certificate, secret = tmp_path / "odd.pem", tmp_path / "odd.key"
    certificate.write_bytes(odd.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(SettingError, match=r"odd\.pem cannot be read"):
        files.load(str(certificate), str(secret), NOW)


def test_a_pipe_is_no_certificate(tmp_path: Path) -> None:
    """To open it would wait for whoever writes into it; a device is none either."""
    os.mkfifo(tmp_path / "pipe")
    for path in (str(tmp_path / "pipe"), os.devnull):
        with pytest.raises(SettingError, match="expected a regular file"):
            files.load(path, path)


def test_a_folder_that_may_not_be_searched_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As /etc/ssl/private is for who is not in its group. The tests may run as root, whom nothing stops."""

    def denied(_path: Path, **_: object) -> os.stat_result:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", denied)
        with pytest.raises(SettingError, match="cannot be read: Permission denied"):
            files.load(str(tmp_path / "a"), str(tmp_path / "a"))


def test_a_key_is_not_lost_for_want_of_a_file_descriptor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no damage, and another key would end every pin."""
    kept = Clock().own(tmp_path).current

    def none_left(_name: str) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patched:
        patched.setattr(os, "memfd_create", none_left)
        with pytest.raises(SettingError, match="cannot be used now: Too many open files"):
            load(tmp_path / NAME)
    assert load(tmp_path / NAME) == kept


def test_the_certificate_of_files_is_described(tmp_path: Path) -> None:
    """Its names, prints and addresses; nothing of warnings, for a browser may trust it."""
    issued = issue(tmp_path, "cam.example.org")
    tls = TlsSettings(mode="files", certificate=str(issued.certificate), key=str(issued.key))
    described = list(certificate_lines.lines(Config(server=ServerSettings(host="127.0.0.1"), tls=tls), tmp_path))
    assert described[0] == "Names: cam.example.org"
    assert described[1].startswith("Certificate: from [tls] certificate, until ")
    assert not any("Browsers warn" in line for line in described)


def test_a_zone_is_no_part_of_a_certificates_name() -> None:
    """Else the name would be missing at every look, and the certificate renewed for ever."""
    assert "fe80::1" in certified(["fe80::1%eth0"])


def test_a_name_with_a_zone_is_not_missing_for_ever(tmp_path: Path) -> None:
    """What is asked for is compared as a certificate would hold it."""
    own = Clock().own(tmp_path, "fe80::1%eth0")
    assert not renewal_reason(own.current, ["fe80::1%eth0"], NOW, clock_set=True)


def test_a_damaged_key_is_set_aside_at_the_start_alone(tmp_path: Path) -> None:
    """It may yet be saved; a command that only looks moves nothing."""
    path = tmp_path / NAME
    Clock().own(tmp_path)
    damaged = path.read_bytes()[:-100]
    path.write_bytes(damaged)
    assert load(path) is None
    assert path.read_bytes() == damaged
    Clock().own(tmp_path)
    assert (tmp_path / f"{NAME}.damaged-1").read_bytes() == damaged
