"""Webhooks: a whole service, and receivers that work, go away, come back, hang and say anything."""

import asyncio
import logging
import signal
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pi_stream.config.files import load
from pi_stream.errors import SettingError
from pi_stream.features import CONFIG
from pi_stream.stream import SourceChanged, ViewersChanged
from tests.certificates import issue
from tests.receivers import Receiver, raw_receiver, receiver, status
from tests.running import PATIENCE, Process, Running, http, next_frame, process, running, say

_QUICK = ("webhook.interval=0", "webhook.longest_pause=0.1")


@asynccontextmanager
async def _service(state: Path, url: str, *assignments: str) -> AsyncIterator[Running]:
    async with running(state, f"webhook.url={url}", *_QUICK, *assignments) as service:
        yield service


async def _status(service: Running | Process, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The webhook's part of /api/status, once it is as wanted."""
    async with asyncio.timeout(PATIENCE), http(service) as session:
        while True:
            async with session.get("api/status") as answer:
                found: dict[str, Any] = (await answer.json())["features"]["webhook"]
            if wanted(found):
                return found
            await asyncio.sleep(0.02)


async def _failing(service: Process) -> None:
    """Wait until the log says that events are not taken; it may have said so before the service was ready."""
    words = "does not take events: Connection refused"
    if not any(words in line for line in service.lines):
        await service.says(words)


async def _metric(service: Running, name: str) -> float:
    async with http(service) as session, session.get("metrics") as answer:
        text = await answer.text()
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"pi_stream_{name} "))


async def _caption(service: Running, text: str) -> None:
    async with http(service) as session, session.put("api/captions/c", json={"text": text}) as answer:
        assert answer.status in (200, 201)


def _viewers(service: Running, *names: str) -> None:
    """As if these viewers, and no others, were there now."""
    service.context.events.publish(ViewersChanged(tuple((str(number), name) for number, name in enumerate(names))))


def _replace_source(service: Running, reason: str) -> None:
    """The source goes away for this reason, and comes back."""
    service.stream.replace_source(service.stream.supervisor.spec, service.stream.settings, reason=reason)


# --- what is sent


async def test_events_are_sent_as_flat_json(tmp_path: Path) -> None:
    """For people title and message, for programs the rest; the camera's state comes first."""
    async with receiver() as there, _service(tmp_path, there.url, "camera.title=Front door") as service:
        first = await there.next()
        assert first.pop("at").endswith("Z")
        host = first.pop("host")
        assert first == {
            "event": "source", "title": f"Front door on {host}", "message": "Front door is online",
            "camera": "camera", "online": True, "reason": None,
        }  # fmt: skip
        _replace_source(service, "the cable was pulled")
        gone = await there.next("source")
        assert (gone["online"], gone["reason"]) == (False, "the cable was pulled")
        assert gone["message"] == "Front door is offline: the cable was pulled"
        assert (await there.next("source"))["online"] is True
        await _caption(service, "Hello")
        captions = await there.next("captions")
        assert (captions["camera"], captions["count"]) == ("camera", 1)
        assert captions["message"] == 'Front door has 1 caption: "Hello"'
        async with service.socket() as connection:
            await say(connection, "name", name="Ada")
            messages = [(await there.next("viewers"))["message"] for _ in range(2)]
        assert messages == ["1 viewer", "1 viewer: Ada"]
        left = await there.next("viewers")
        assert (left["count"], left["message"], left["title"]) == (0, "no viewers", host)
        assert "camera" not in left
        request = there.requests[0]
        assert request.method == "POST"
        assert request.content_type == "application/json"
        assert request.headers["User-Agent"].startswith("pi-stream/")


async def test_a_topic_is_added_for_ntfy(tmp_path: Path) -> None:
    """ntfy's root URL takes JSON with a topic."""
    async with receiver() as there, _service(tmp_path, there.url, "webhook.topic=my-door"):
        assert (await there.next())["topic"] == "my-door"


async def test_only_the_wanted_events_are_sent(tmp_path: Path) -> None:
    """Nothing is sent of the others."""
    async with receiver() as there, _service(tmp_path, there.url, 'webhook.events=["captions"]') as service:
        _viewers(service, "Ada")
        _replace_source(service, "a test")
        await _caption(service, "only this")
        assert "only this" in (await there.next())["message"]
        assert there.none_left()


async def test_long_texts_are_cut(tmp_path: Path) -> None:
    """ntfy refuses long messages; and only some viewers are named."""
    async with receiver() as there, _service(tmp_path, there.url) as service:
        await _caption(service, "long " * 190)
        message = (await there.next("captions"))["message"]
        assert len(message) == 500
        assert message.endswith("…")
        _viewers(service, *(f"viewer {number}" for number in range(40)))
        named = (await there.next("viewers"))["message"]
        assert named.startswith("40 viewers: viewer 0, ")
        assert named.endswith("viewer 9")


async def test_a_camera_that_is_slow_to_open_after_rest_is_not_told_as_offline(tmp_path: Path) -> None:
    """Nothing is known to be wrong with it."""
    async with receiver() as there, _service(tmp_path, there.url, 'webhook.events=["source","captions"]') as service:
        assert (await there.next())["online"] is True
        service.stream.supervisor._tell_opening()
        assert service.stream.supervisor.opening
        service.stream.supervisor._set(online=True, reason=None)
        await _caption(service, "the next one")
        assert (await there.next())["event"] == "captions"


async def test_no_url_sends_nothing(tmp_path: Path) -> None:
    """The default; status and metrics say so."""
    async with running(tmp_path) as service:
        await _caption(service, "for nobody")
        assert (await _status(service, bool))["state"] == "off"
        assert await _metric(service, "webhook_waiting") == 0


# --- a receiver that fails


async def test_a_receiver_that_comes_back_is_told_in_order_and_each_state_once(tmp_path: Path) -> None:
    """While it is away, a caption's later text replaces an earlier one; sources are all told."""
    async with receiver() as there, _service(tmp_path, there.url, 'webhook.events=["source","captions"]') as service:
        await there.next("source")
        await there.stop()
        for number in range(5):
            await _caption(service, f"text {number}")
            await _status(service, lambda found: found["state"] == "failing")
        _replace_source(service, "a test")
        failing = await _status(service, lambda found: found["waiting"] == 3)
        assert (failing["state"], failing["dropped"]) == ("failing", 0)
        assert failing["reason"] == "Connection refused"
        assert await _metric(service, "webhook_failed_tries_total") > 0
        await there.start()
        told = [await there.next() for _ in range(3)]
        assert [body["event"] for body in told] == ["captions", "source", "source"]
        assert "text 4" in told[0]["message"]
        assert [body["online"] for body in told[1:]] == [False, True]
        good = await _status(service, lambda found: found["state"] == "ok" and not found["waiting"])
        assert (good["delivered"], good["reason"]) == (4, None)
        assert there.none_left()


@pytest.mark.parametrize("number", [500, 502, 429, 408])
async def test_an_event_is_sent_again_after_a_passing_error(tmp_path: Path, number: int) -> None:
    """The same one, until it is taken."""
    async with receiver() as there:
        there.answer = status(number)
        async with _service(tmp_path, there.url) as service:
            first = await there.next()
            assert await there.next() == first
            found = await _status(service, lambda found: found["state"] == "failing")
            assert found["reason"].startswith(f"the answer was {number} ")
            there.answer = status(200)
            await _status(service, lambda found: found["delivered"] == 1 and found["dropped"] == 0)


async def test_an_event_that_is_always_answered_with_an_error_is_given_up(tmp_path: Path) -> None:
    """After 10 tries; it does not hold up the others."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=500 if (await request.json())["event"] == "source" else 200)

    async with receiver() as there:
        there.answer = answer
        async with _service(tmp_path, there.url) as service:
            await _caption(service, "behind it")
            await there.next("captions")
            assert len(there.requests) == 11
            await _status(service, lambda found: (found["delivered"], found["dropped"]) == (1, 1))
            assert await _metric(service, 'webhook_dropped_total{reason="refused"}') == 1


@pytest.mark.parametrize("number", [301, 307, 401, 404, 410, 999])
async def test_an_event_that_is_refused_for_good_is_dropped(tmp_path: Path, number: int) -> None:
    """It would be refused again; redirects are not followed, for they could lead anywhere."""
    async with receiver() as there, receiver() as elsewhere:
        there.answer = status(number, Location=elsewhere.url)
        async with _service(tmp_path, there.url) as service:
            await there.next()
            found = await _status(service, lambda found: found["dropped"] == 1)
            assert f"the answer was {number}" in found["reason"]
            assert ("redirects are not followed" in found["reason"]) == (number < 400)
            there.answer = status(204)
            await _caption(service, "the next one")
            await there.next("captions")
            await _status(service, lambda found: found["delivered"] == 1 and found["state"] == "ok")
        assert not elsewhere.requests


async def test_a_receiver_that_hangs_costs_its_queue_and_nothing_else(tmp_path: Path) -> None:
    """Frames go on; what is too much is dropped, the oldest first, and counted."""
    few = ("webhook.queue=3", "webhook.timeout=120", 'webhook.events=["source"]')
    async with raw_receiver(b"", close=False) as (url, came), _service(tmp_path, url, *few) as service:
        async with asyncio.timeout(PATIENCE):
            await came.wait()
        for number in range(8):
            service.context.events.publish(SourceChanged("camera", "synthetic", online=False, reason=f"test {number}"))
        found = await _status(service, lambda found: found["dropped"] == 5)
        assert (found["waiting"], found["delivered"], found["state"]) == (4, 0, "ok")
        assert await _metric(service, 'refused_total{limit="webhook.queue"}') == 5
        assert await _metric(service, 'webhook_dropped_total{reason="queue"}') == 5
        async with service.socket() as connection:
            await say(connection, "watch", accept=["jpeg"])
            for _ in range(3):
                await say(connection, "ack", seq=int.from_bytes((await next_frame(connection))[8:12], "big"))


async def test_a_receiver_that_answers_too_late_is_told_of_the_limit(tmp_path: Path) -> None:
    """And the event is sent again."""
    async with raw_receiver(b"", close=False) as (url, _), _service(tmp_path, url, "webhook.timeout=0.1") as service:
        found = await _status(service, lambda found: found["state"] == "failing")
        assert found["reason"] == "no answer within 0.1 seconds"
        assert found["waiting"] >= 1


_HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "the connection was closed without an answer"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "the answer is not valid HTTP"),
        (b"\x00\xff" * 5000, "the answer is not valid HTTP"),
        (b"HTTP/1.1 abc\r\n\r\n", "the answer is not valid HTTP"),
        (_HEAD + b"X: " + b"x" * 100_000, "the answer is not valid HTTP"),
        (_HEAD + b"X: x\r\n" * 100_000, "the answer is not valid HTTP"),
        (_HEAD + b"Transfer-Encoding: chunked\r\n\r\nzzz\r\n", "the answer is not valid HTTP"),
        (_HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "the answer is not valid HTTP"),
    ],
    ids=["nothing", "ssh", "bytes", "status", "long line", "many lines", "broken chunk", "two lengths"],
)
async def test_a_receiver_that_says_anything_is_a_receiver_that_fails(
    tmp_path: Path, answer: bytes, reason: str
) -> None:
    """Its event is sent again, and the service goes on."""
    async with raw_receiver(answer) as (url, _), _service(tmp_path, url) as service:
        found = await _status(service, lambda found: found["state"] == "failing")
        # aiohttp 3.11 takes any number of lines, until the receiver or the timeout ends them.
        assert found["reason"] in (reason, "the connection was closed without an answer")
        assert found["delivered"] == 0


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 99999999999\r\n\r\n" + b"x" * 1_000_000,
        b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone",
        b"Set-Cookie: \xff=;;\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["endless", "broken gzip", "cookie"],
)
async def test_the_body_of_an_answer_is_not_read(tmp_path: Path, body: bytes) -> None:
    """200 is what counts."""
    async with raw_receiver(_HEAD + body) as (url, _), _service(tmp_path, url) as service:
        await _status(service, lambda found: found["delivered"] == 1)


# --- https, secrets


async def test_https_needs_a_trusted_certificate(tmp_path: Path) -> None:
    """Of the system, or of ca_file; and for the right name. Its name is looked up."""
    issued = issue(tmp_path, "localhost")
    shown = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    shown.load_cert_chain(issued.certificate, issued.key)
    async with receiver(shown, "localhost") as there:
        async with _service(tmp_path / "a", there.url) as service:
            found = await _status(service, lambda found: found["state"] == "failing")
            assert found["reason"].startswith("the certificate is not trusted: ")
        trust = f"webhook.ca_file={issued.authority}"
        async with _service(tmp_path / "b", there.url.replace("localhost", "127.0.0.1"), trust) as service:
            found = await _status(service, lambda found: found["state"] == "failing")
            assert "not valid for '127.0.0.1'" in found["reason"]
        assert not there.requests
        async with _service(tmp_path / "c", there.url, trust):
            assert (await there.next())["event"] == "source"


async def test_http_where_https_is_expected_is_told(tmp_path: Path) -> None:
    """A wrong scheme is a common mistake."""
    async with receiver() as there, _service(tmp_path, there.url.replace("http:", "https:")) as service:
        found = await _status(service, lambda found: found["state"] == "failing")
        assert found["reason"] == "there is no https at this address"


@pytest.mark.parametrize("failure", [None, 404, 500])
async def test_nothing_secret_of_the_url_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, failure: int | None
) -> None:
    """Neither user and password nor path, query and topic: each of them may be a key. The receiver is told all."""
    caplog.set_level(logging.DEBUG)
    async with receiver() as there:
        there.answer = status(failure or 500)
        if failure is None:
            await there.stop()
        url = there.url.replace("http://", "http://ada:pass1word@").replace("/hook", "/hush-path?key=hush-query")
        async with _service(tmp_path, url, "webhook.topic=hush-topic") as service:
            await _status(service, lambda found: found["state"] == "failing")
            if failure is not None:
                assert there.requests[0].path_qs == "/hush-path?key=hush-query"
                assert there.requests[0].headers["Authorization"] == "Basic YWRhOnBhc3Mxd29yZA=="
            async with http(service) as session:
                told = [await (await session.get(path)).text() for path in ("api/status", "metrics", "api/doctor")]
    told.append(caplog.text)
    assert "does not take events" in caplog.text
    for secret in ("pass1word", "hush", "YWRhOnBhc3Mxd29yZA"):
        assert not any(secret in text for text in told), secret


async def test_a_proxy_of_the_environment_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting asks for one."""
    async with receiver() as there, receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        async with _service(tmp_path, there.url):
            await there.next()
        assert not proxy.requests


# --- settings, reload, end


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("url=ftp://example.org/", "[webhook] url: expected a URL"),
        ("url=http://exa mple.org/", "[webhook] url: expected a URL"),
        ("url=http://example.org:70000/", "[webhook] url: expected a URL"),
        ("url=http://a..b/", "[webhook] url: expected a URL"),
        (f"url=http://{'a' * 64}/", "[webhook] url: expected a URL"),
        ("url=http:///path", "[webhook] url: expected a URL"),
        ("url=http://example.org/\u00e9", "[webhook] url: expected a URL"),
        ("topic=a/b", "[webhook] topic: expected a name"),
        (
            'events=["source","doorbell"]',
            '[webhook] events: expected one of "captions", "source", "viewers", got "doorbell"',
        ),
        ("queue=0", "[webhook] queue: expected a whole number from 1 to 10000, got 0"),
        ("timeout=0", "[webhook] timeout: expected a number from 0.1 to 120, got 0"),
    ],
)
def test_a_wrong_setting_is_one_sentence(setting: str, words: str) -> None:
    """URL and topic are not quoted."""
    with pytest.raises(SettingError) as caught:
        load(Path("/dev/null"), [f"webhook.{setting}"], CONFIG)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "example.org/" not in str(caught.value).replace("https://ntfy.sh/", "")


@pytest.mark.parametrize(
    "url",
    [
        "", "http://localhost", "https://ntfy.sh/", "http://homeassistant.local:8123/api/webhook/-abc_1",
        "https://user:pa%40ss@example.org:65535/?a=b#c", "http://[fd00::1]:80/x", "http://192.168.1.2/",
    ],
)  # fmt: skip
def test_a_url_of_any_usual_form_is_taken(url: str) -> None:
    """Names, addresses, ports, users, queries."""
    load(Path("/dev/null"), [f"webhook.url={url}"], CONFIG)


@pytest.mark.parametrize(
    ("assignments", "words"),
    [
        (
            ["webhook.url=https://localhost/", "webhook.ca_file=/nowhere.pem"],
            "/nowhere.pem cannot be read: No such file",
        ),
        (["webhook.url=https://localhost/", f"webhook.ca_file={__file__}"], "expected certificates in PEM"),
        (["webhook.url=http://[1:2]/secret"], "[webhook] url: expected a URL, got what is not shown"),
    ],
)
async def test_what_cannot_be_used_ends_the_start_with_one_sentence(
    tmp_path: Path, assignments: list[str], words: str
) -> None:
    """No traceback."""
    with pytest.raises(AssertionError, match="pi-stream ended") as caught:
        async with process(tmp_path, *assignments):
            pytest.fail("it started")
    assert words in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert "secret" not in str(caught.value).replace("may be secret", "")


async def test_a_reload_changes_the_receiver(tmp_path: Path) -> None:
    """What waits for the old one goes to the new one; wrong settings change nothing; without a URL nothing is sent."""
    config, base = tmp_path / "config.toml", "[server]\nhost='127.0.0.1'\nport=0\n[camera]\nsource='synthetic'\n"

    def write(text: str) -> None:
        config.write_text(base + "[webhook]\ninterval=0\nlongest_pause=0.1\n" + text)

    async with receiver() as first, receiver() as second:
        await first.stop()
        write(f"url='{first.url}'\n")
        async with process(tmp_path, config=config) as service:
            await _failing(service)
            write(f"url='{second.url}'\n")
            service.process.send_signal(signal.SIGHUP)
            assert (await second.next())["event"] == "source"
            write(f"url='{second.url.replace('http', 'https')}'\nca_file='/nowhere.pem'\n")
            service.process.send_signal(signal.SIGHUP)
            await service.says("the settings stay as they were: [webhook] ca_file")
            async with http(service) as session:
                assert (await session.put("api/captions/c", json={"text": "still there"})).status == 201
                await second.next("captions")
                write("url=''\n")
                service.process.send_signal(signal.SIGHUP)
                await _status(service, lambda found: found["state"] == "off")
                assert (await session.put("api/captions/c", json={"text": "unheard"})).status == 200
            assert await service.stop() == 0
        assert second.none_left()


@pytest.mark.parametrize("kind", ["hangs", "away"])
async def test_the_service_ends_at_once_while_an_event_is_sent(tmp_path: Path, kind: str) -> None:
    """The event is lost, and the exit code is 0. The receiver may take longer to answer than this test waits."""
    slow = ("webhook.timeout=120", "webhook.longest_pause=3600")
    async with raw_receiver(b"", close=False) as (url, came):
        url = url if kind == "hangs" else Receiver().url
        async with process(tmp_path, f"webhook.url={url}", *slow) as service:
            if kind == "hangs":
                await came.wait()
            else:
                await _failing(service)
            assert await service.stop() == 0
