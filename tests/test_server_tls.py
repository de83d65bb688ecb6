"""The page by https, on real sockets: the door, what is said to plain http, viewers, and certificates that change."""

import asyncio
import logging
import os
import signal
import socket
import ssl
import sys
import time
import warnings
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

import pi_stream
from pi_stream import cli
from pi_stream.errors import BadMessage, Disconnected
from pi_stream.protocol import parse_packet
from pi_stream.server.connection import tls_listener
from pi_stream.tls import identity, self_signed
from tests.certificates import Files, issue
from tests.running import PATIENCE, Process, Running, http, messages_until, next_frame, process, running, say

OWN = "tls.mode=self-signed"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path, OWN, "server.hosts=['cam.example.org']") as service:
        yield service


def _port(service: Running | Process) -> int:
    return int(service.url.rstrip("/").rpartition(":")[2])


def _plain(service: Running) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        base_url=f"http://127.0.0.1:{_port(service)}/", timeout=aiohttp.ClientTimeout(total=PATIENCE)
    )


async def _shown(service: Running | Process) -> str:
    """The certificate that a new connection is shown, in PEM."""
    return await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", _port(service)))


@asynccontextmanager
async def _raw(service: Running) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", _port(service))
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


# --- https


async def test_the_page_is_served_by_https_and_verified_by_its_names(service: Running) -> None:
    """By Python's own rules, under the address, localhost and a name of the settings; TLS 1.3."""
    assert service.url.startswith("https://127.0.0.1:")
    trusted = service.trusted
    assert trusted is not None
    for name in ("127.0.0.1", "localhost", "cam.example.org"):
        _, writer = await asyncio.open_connection("127.0.0.1", _port(service), ssl=trusted, server_hostname=name)
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
        writer.close()
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection("127.0.0.1", _port(service), ssl=trusted, server_hostname="evil.example")
    async with http(service) as session, session.get("") as answer:
        assert answer.status == 200
        assert "Strict-Transport-Security" not in answer.headers, "no way past a warning would be left"
        assert "<canvas" in await answer.text()


async def test_tls_before_1_2_is_not_spoken(service: Running) -> None:
    """A client that can no more is refused in the handshake."""
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", _port(service), ssl=old)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    _, writer = await asyncio.open_connection("127.0.0.1", _port(service), ssl=old)
    assert writer.get_extra_info("ssl_object").version() == "TLSv1.2"
    writer.close()


async def test_a_request_that_comes_with_the_last_word_of_the_handshake_is_answered(service: Running) -> None:
    """In one segment, as quick clients send it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    trusted = service.trusted
    assert trusted is not None
    client = trusted.wrap_bio(incoming, outgoing, server_hostname="localhost")
    async with asyncio.timeout(PATIENCE), _raw(service) as (reader, writer):
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                writer.write(outgoing.read())
                incoming.write(await reader.read(65536))
        client.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        writer.write(outgoing.read())  # the client's Finished, too
        while True:
            with suppress(ssl.SSLWantReadError):
                assert client.read(65536).startswith(b"HTTP/1.1 200")
                break
            incoming.write(await reader.read(65536))


async def test_the_cookie_of_a_login_is_for_https_only(tmp_path: Path) -> None:
    """A browser never says it to plain http again."""
    from pi_stream.auth import store
    from pi_stream.auth.credentials import Credentials
    from pi_stream.auth.passwords import hash_password

    keys = Credentials(passwords={"control": hash_password("change me", n=16)})
    store.save(tmp_path / store.NAME, keys)
    grant = keys.by_password("change me")
    assert grant is not None
    async with running(tmp_path, OWN, "auth.mode=password") as service, http(service) as session:
        async with session.post("login", data={"password": "change me"}, allow_redirects=False) as answer:
            assert answer.status == 303
            assert answer.headers["Set-Cookie"].endswith("; HttpOnly; SameSite=Strict; Secure")
            # Else browsers would keep it from being replaced by that of a login by http, once TLS is off again.
            assert answer.headers["Set-Cookie"].startswith("__Secure-pi-stream-session=")
            secure = answer.headers["Set-Cookie"].partition(";")[0]
        plain = f"pi-stream-session={keys.session(grant, time.time())}"  # of a login before TLS was switched on
        renamed = f"__Secure-{plain}"
        for cookie, status in ((secure, 200), (plain, 401), (renamed, 401)):
            async with (
                aiohttp.ClientSession(service.url, cookie_jar=aiohttp.DummyCookieJar()) as other,
                other.get("api/status", headers={"Cookie": cookie}, ssl=False) as answer,
            ):
                assert answer.status == status
        address = service.url.removeprefix("https://").rstrip("/")
        line = f"GET http://{address}/api/status HTTP/1.1"  # aiohttp 3.11 takes the scheme from there
        reader, writer = await asyncio.open_connection(*address.split(":"), ssl=service.trusted)
        writer.write(f"{line}\r\nHost: {address}\r\nCookie: {plain}\r\n\r\n".encode())
        async with asyncio.timeout(PATIENCE):
            assert b" 401 " in await reader.readline()
        writer.close()
        login = {"Authorization": f"Basic {b64encode(b'any:change me').decode()}"}
        async with session.post("api/links", json={"path": "/stream.mjpg"}, headers=login) as answer:
            link = (await answer.json())["path"]
        async with http(service) as stranger, stranger.get(link) as answer:
            assert answer.status == 200
            assert await answer.content.readuntil(b"\r\n\r\n")


@pytest.mark.parametrize(("scheme", "status"), [("https", 201), ("http", 403)])
async def test_a_page_that_came_by_plain_http_is_not_ours(service: Running, scheme: str, status: int) -> None:
    """Whoever is on the way could have written it."""
    origin = {"Origin": service.url.rstrip("/").replace("https", scheme)}
    async with http(service) as session, session.post("api/captions", json={"text": "x"}, headers=origin) as answer:
        assert answer.status == status


# --- plain http


async def test_plain_http_is_led_to_https(service: Running) -> None:
    """To the same path, under the same name, for this time only."""
    async with _plain(service) as session:
        there = {"Host": f"localhost:{_port(service)}"}
        async with session.get("snapshot.jpg?width=64", headers=there, allow_redirects=False) as answer:
            assert answer.status == 307
            assert answer.headers["Location"] == f"https://localhost:{_port(service)}/snapshot.jpg?width=64"
            assert answer.headers["Cache-Control"] == "no-store"
        async with session.get("", ssl=False) as answer:
            assert answer.status == 200
            assert answer.url.scheme == "https"


async def test_plain_http_neither_changes_nor_shows_anything(service: Running) -> None:
    """What would change something is refused, a websocket too, in words; and so is another's name."""
    async with _plain(service) as session:
        async with session.post("api/captions", json={"text": "overheard"}) as answer:
            assert answer.status == 403
            assert (await answer.json())["error"] == {
                "code": "https-needed",
                "message": f"this service speaks https: {service.url}api/captions",
            }
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await session.ws_connect("ws")
        async with session.get("", headers={"Host": "evil.example"}, allow_redirects=False) as answer:
            assert answer.status == 421
            assert "Location" not in answer.headers
    assert service.stream.captions.all == ()


async def test_the_warning_is_explained_over_plain_http_too(service: Running) -> None:
    """With the fingerprint that the machine itself tells, and the styles that it is drawn with."""
    assert service.context.identity is not None
    certificate = service.context.identity.certificate
    async with _plain(service) as session, http(service) as secure:
        for each in (session, secure):
            async with each.get("certificate") as answer:
                assert answer.status == 200
                text = await answer.text()
            assert certificate.fingerprint in text
            assert certificate.pin in text
            assert f'href="{service.url}"' in text
            assert "<!--" not in text
        for name in ("styles/certificate.css", "styles/base.css", "icon.svg"):
            async with session.get(name, allow_redirects=False) as answer:
                assert answer.status == 200
        async with session.get("main.js", allow_redirects=False) as answer:
            assert answer.status == 307
        async with secure.get("certificate.pem") as answer:
            assert await answer.text() == certificate.public
    assert await _shown(service) == certificate.public


async def test_without_tls_there_is_no_certificate_to_explain(tmp_path: Path) -> None:
    """And the address says http."""
    async with running(tmp_path) as service, http(service) as session:
        assert service.url.startswith("http://")
        for path in ("certificate", "certificate.pem"):
            async with session.get(path) as answer:
                assert answer.status == 404
                assert "there is no certificate" in (await answer.json())["error"]["message"]
    assert not (tmp_path / self_signed.NAME).exists()


# --- who does not come in


@pytest.mark.parametrize("said", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01"], ids=["nothing", "a byte", "a beginning"])
async def test_who_does_not_finish_the_handshake_is_let_go(tmp_path: Path, said: bytes) -> None:
    """After a while; others come in meanwhile."""
    async with (
        running(tmp_path, OWN, "limits.header_timeout=1") as service,
        _raw(service) as (reader, writer),
        http(service) as session,
    ):
        writer.write(said)
        async with session.get("healthz") as answer:
            assert answer.status in (200, 503)
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionError):
                assert await reader.read() == b""


async def test_for_one_too_many_the_slowest_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many say nothing, the next one comes in."""
    monkeypatch.setattr(tls_listener, "_MAX_HANDSHAKES", 3)
    async with running(tmp_path, OWN, "limits.header_timeout=600") as service:
        silent = [socket.create_connection(("127.0.0.1", _port(service))) for _ in range(9)]
        async with http(service) as session, session.get("healthz") as answer:
            assert answer.status in (200, 503)
        ended = [await asyncio.to_thread(_ended, each) for each in silent[:6]]
        assert all(ended)
        for each in silent:
            each.close()


def _ended(connection: socket.socket) -> bool:
    connection.settimeout(PATIENCE)
    with suppress(ConnectionError):
        return connection.recv(1) == b""
    return True


async def test_what_is_no_handshake_is_let_go_without_a_word_in_the_log(
    service: Running, caplog: pytest.LogCaptureFixture
) -> None:
    """Scanners say such things all day."""
    with caplog.at_level(logging.WARNING):
        for said in (b"\x16\x03\x01\x00\x05hello", b"\x16" * 400, b"\x16\x03\x01\xff\xff" + bytes(70_000)):
            async with asyncio.timeout(PATIENCE), _raw(service) as (reader, writer):
                writer.write(said)
                with suppress(ConnectionError):
                    while await reader.read(65536):
                        pass
        async with http(service) as session, session.get("healthz") as answer:
            assert answer.status in (200, 503)
    assert [record.message for record in caplog.records] == []


# --- viewers


async def test_frames_come_as_they_are_acknowledged(service: Running) -> None:
    """With a window of 1 there is one frame on its way, over TLS too."""
    async with service.socket() as viewer:
        await say(viewer, "watch", accept=["png"], acks=True, window=1)
        seqs = []
        for _ in range(20):
            seqs.append(parse_packet(await next_frame(viewer))[0].seq)
            await say(viewer, "ack", seq=seqs[-1])
        assert seqs == sorted(set(seqs))
        await next_frame(viewer)
        said: list[str | bytes] = []
        async with asyncio.timeout(PATIENCE):
            while sum(b'"stats"' in each.encode() for each in said if isinstance(each, str)) < 2:
                said.append(await viewer.recv())
        assert not any(isinstance(each, bytes) for each in said)


async def test_much_that_comes_at_once_is_heard_in_order(service: Running) -> None:
    """TLS cuts it into records, several of which are read together: acks among them are taken, the rest is answered."""
    async with service.socket(max_queue=500) as viewer:
        for number in range(100):
            await say(viewer, "ack", seq=number)
            await say(viewer, "ping", sent=number)
        for number in range(100):
            assert (await messages_until(viewer, "pong", "error"))["sent"] == number


async def test_who_watches_hears_the_goodbye(tmp_path: Path) -> None:
    """1001, when the service stops."""
    async with process(tmp_path, OWN) as service:
        pem = (tmp_path / self_signed.NAME).read_text()
        trusted = ssl.create_default_context(cadata=pem[pem.index("-----BEGIN CERT") :])
        async with aiohttp.ClientSession(service.url) as session, session.ws_connect("ws", ssl=trusted) as viewer:
            assert (await viewer.receive_json())["type"] == "welcome"
            await viewer.send_json({"type": "watch", "accept": ["jpeg"]})
            stopping = asyncio.create_task(service.stop())
            async with asyncio.timeout(PATIENCE):
                async for _ in viewer:
                    pass
            assert viewer.close_code == 1001
            assert await stopping == 0


# --- certificates that change


async def test_our_own_is_renewed_while_viewers_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here for a new name; whoever comes then is shown the new one, of the same key."""
    monkeypatch.setattr(identity, "_CHECK_INTERVAL_S", 0.05)
    async with running(tmp_path, OWN) as service, service.socket() as viewer:
        assert service.context.identity is not None
        first = service.context.identity.certificate
        await say(viewer, "watch", accept=["jpeg"])
        await next_frame(viewer)
        names = {*first.names, "attic"}
        monkeypatch.setattr(service.context.identity, "_names", lambda: names)
        async with asyncio.timeout(PATIENCE):
            while "attic" not in service.context.identity.certificate.names:
                await next_frame(viewer)
        second = await _shown(service)
        assert second == service.context.identity.certificate.public
        assert second != first.public
        assert service.context.identity.certificate.pin == first.pin
        await next_frame(viewer)


async def test_files_are_read_again_at_a_reload_and_viewers_stay(tmp_path: Path) -> None:
    """Wrong ones change nothing."""
    issued = issue(tmp_path, "localhost")
    async with process(tmp_path, *issued.settings) as service, aiohttp.ClientSession(service.url) as session:
        first = await _shown(service)
        async with session.ws_connect("ws", ssl=False) as viewer:
            assert (await viewer.receive_json())["type"] == "welcome"
            whole = issued.key.read_bytes()
            issued.key.write_text("hello\n")
            service.process.send_signal(signal.SIGHUP)
            await service.says("[tls] key: expected a private key in PEM, got none")
            assert await _shown(service) == first
            issued.key.write_bytes(whole)
            issue(tmp_path, "localhost")
            service.process.send_signal(signal.SIGHUP)
            await service.says("settings reloaded")
            assert await _shown(service) != first
            await viewer.send_json({"type": "ping", "sent": 1})
            async with asyncio.timeout(PATIENCE):
                while (await viewer.receive_json())["type"] != "pong":
                    pass


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (lambda _: ("tls.mode=files",), '[tls] certificate: expected the path of a file, because mode is "files"'),
        (lambda issued: (*issued.settings, "tls.key=/nowhere"), "[tls] key: /nowhere cannot be read: No such file"),
    ],
)
async def test_wrong_files_end_it_at_the_start_with_one_line(
    tmp_path: Path, settings: Callable[[Files], tuple[str, ...]], words: str
) -> None:
    """And exit code 2, as with every setting that cannot be."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pi_stream", "serve", "--config", os.devnull),
        *(part for each in settings(issue(tmp_path, "localhost")) for part in ("--set", each)),
        env={**os.environ, "STATE_DIRECTORY": str(tmp_path)},
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await asyncio.wait_for(child.communicate(), PATIENCE)
    assert child.returncode == 2
    assert words in told.decode()
    assert told.count(b"\n") == 1


# --- viewers in Python, and commands


async def test_a_pin_is_enough_to_trust_a_key_and_no_other(service: Running) -> None:
    """Nothing is sent to whoever has another, passwords least of all."""
    assert service.context.identity is not None
    pin = service.context.identity.certificate.pin
    async with pi_stream.connect(service.url, accept=["png"], pin=pin) as camera:
        assert (await anext(camera)).image().shape == (180, 320, 3)
    other = f"sha256//{'A' * 43}="
    with pytest.raises(Disconnected, match="is not trusted: the server's key does not have this pin"):
        async with pi_stream.connect(service.url, pin=other, password="secret"):
            pytest.fail("it was let in")


async def test_a_file_of_certificates_is_enough_to_trust(tmp_path: Path) -> None:
    """An authority's, or the one that the service made itself; the names must be right, too."""
    issued = issue(tmp_path, "localhost")
    async with running(tmp_path, *issued.settings) as service:
        url = f"https://localhost:{_port(service)}"
        async with pi_stream.connect(url, ca_file=issued.authority) as camera:
            assert (await anext(camera)).width == 320
        with pytest.raises(Disconnected, match=r"is not trusted: .*IP address mismatch"):
            async with pi_stream.connect(service.url, ca_file=issued.authority):
                pytest.fail("it was let in")


async def test_who_is_not_trusted_is_said_with_what_mends_it(service: Running) -> None:
    """Verification is never switched off by itself."""
    with pytest.raises(Disconnected, match=r"self-signed certificate.*`pi-stream certificate` on that machine"):
        async with pi_stream.connect(service.url):
            pytest.fail("it was let in")


async def test_plain_http_is_told_to_the_python_viewer(service: Running) -> None:
    """In the service's words."""
    with pytest.raises(Disconnected, match="this service speaks https: https://127"):
        async with pi_stream.connect(service.url.replace("https", "http")):
            pytest.fail("it was let in")


@pytest.mark.parametrize(
    ("url", "trusted", "words"),
    [
        ("https://localhost:1", {"pin": "AB:CD"}, "pin: expected a pin such as"),
        (
            "https://localhost:1",
            {"ca_file": "/nowhere"},
            "ca_file: expected certificates in PEM, got none from /nowhere",
        ),
        (
            "https://localhost:1",
            {"ca_file": "/etc/hostname"},
            "ca_file: expected certificates in PEM, got none from /etc",
        ),
        ("http://localhost:1", {"pin": f"sha256//{'A' * 43}="}, "pin and ca_file: expected an address with https"),
    ],
)
def test_what_cannot_be_trusted_is_told_before_anything_is_sent(url: str, trusted: dict[str, str], words: str) -> None:
    """Whether anybody listens there or not."""
    with pytest.raises(BadMessage, match=words):
        pi_stream.connect(url, **trusted)  # type: ignore[arg-type]  # by name, of one type each


async def test_commands_know_whom_to_trust(service: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """`pi-stream caption`, with a pin and without."""
    assert service.context.identity is not None
    pin = service.context.identity.certificate.pin
    assert await asyncio.to_thread(cli.main, ["caption", service.url, "hello", "--pin", pin]) == 0
    assert [each.text for each in service.stream.captions.all] == ["hello"]
    assert await asyncio.to_thread(cli.main, ["caption", service.url, "hello"]) == 1
    assert "is not trusted" in capsys.readouterr().err


async def test_the_certificate_is_told_at_the_start_and_by_its_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fingerprint and pin, alike; with a QR code of an address that another machine can use."""
    options = ["certificate", "--config", "/dev/null", "--state", str(tmp_path), "--set"]
    assert cli.main([*options, "tls.mode=off"]) == 2
    assert cli.main([*options, OWN]) == 2
    assert "does not exist yet; the service makes it when it starts" in capsys.readouterr().err
    async with process(tmp_path, OWN) as service:
        made = self_signed.load(tmp_path / self_signed.NAME)
        assert made is not None
        assert f"  SHA-256 fingerprint: {made.fingerprint}\n" in service.lines
        assert f"  pin of its key:      {made.pin}\n" in service.lines
        assert not any("▀" in line for line in service.lines), "a journal is no place for a QR code"
    assert cli.main([*options, OWN, "--set", "server.host=192.0.2.7"]) == 0
    told = capsys.readouterr().out
    assert made.fingerprint in told
    assert made.pin in told
    assert "https://192.0.2.7:8000/ for a phone's camera:\n" in told
    assert "▀" in told
