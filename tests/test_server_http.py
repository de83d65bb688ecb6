"""The HTTP side on a real socket: page, pictures, API."""

import asyncio
import contextlib
import io
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from PIL import Image

from pi_stream.hub.channel import ChannelKey
from pi_stream.server.app import application
from pi_stream.sources import Source, SourceSpec, open_source
from pi_stream.sources.synthetic.pattern import read_seq
from tests.running import PATIENCE, Running, http, messages_until, running

WWW = Path(__file__).parent.parent / "www"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as service:
        yield service


@pytest.fixture
async def session(service: Running) -> AsyncIterator[aiohttp.ClientSession]:
    async with http(service) as session:
        yield session


async def test_the_page_and_its_modules_are_served_with_what_keeps_them_safe(session: aiohttp.ClientSession) -> None:
    """Every file of www, with its type; nothing from elsewhere may run in the page."""
    async with session.get("") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert await answer.read() == (WWW / "index.html").read_bytes()
    for path in WWW.rglob("*.js"):
        async with session.get(path.relative_to(WWW).as_posix()) as answer:
            assert answer.status == 200
            assert answer.content_type in ("text/javascript", "application/javascript")


@pytest.mark.parametrize(
    "path", ["nothing", "../pyproject.toml", "%2e%2e/pyproject.toml", "..%2fpyproject.toml", "api/x"]
)
async def test_nothing_else_is_served(session: aiohttp.ClientSession, path: str) -> None:
    """Neither what is not there nor what lies beside the page's folder."""
    async with session.get(path) as answer:
        assert answer.status in (403, 404)
        assert b"[project]" not in await answer.read()


@pytest.mark.parametrize(("name", "kind"), [("snapshot.jpg", "JPEG"), ("snapshot.png", "PNG")])
async def test_a_snapshot_is_the_newest_frame(session: aiohttp.ClientSession, name: str, kind: str) -> None:
    """Its burnt-in number is the one in its header."""
    async with session.get(name) as answer:
        assert answer.status == 200
        assert answer.content_type == f"image/{kind.lower()}"
        assert answer.headers["Cache-Control"] == "no-store"
        picture = Image.open(io.BytesIO(await answer.read()))
    assert (picture.format, picture.size) == (kind, (320, 180))
    assert read_seq(np.asarray(picture.convert("L"))) == int(answer.headers["X-Seq"])


async def test_a_snapshot_may_be_smaller_and_coarser(session: aiohttp.ClientSession) -> None:
    """And a name that keeps caches away is let pass."""
    sizes = []
    for query in ("?quality=95", "?quality=20&t=123", "?quality=20&width=160"):
        async with session.get(f"snapshot.jpg{query}") as answer:
            body = await answer.read()
            sizes.append((len(body), Image.open(io.BytesIO(body)).size))
    assert sizes[0][0] > sizes[1][0] > sizes[2][0]
    assert sizes[2][1] == (160, 90)


@pytest.mark.parametrize("query", ["width=1", "width=big", "quality=0", "quality=101"])
async def test_an_impossible_snapshot_is_refused(session: aiohttp.ClientSession, query: str) -> None:
    """With the name, what was expected and what came."""
    async with session.get(f"snapshot.jpg?{query}") as answer:
        assert answer.status == 400
        error = (await answer.json())["error"]
    name, value = query.split("=")
    assert error["code"] == "bad-message"
    assert error["message"].startswith(f"{name}: expected a whole number")
    assert value in error["message"]


async def test_a_snapshot_leaves_nothing_encoding(service: Running, session: aiohttp.ClientSession) -> None:
    """It watches for one frame."""
    async with session.get("snapshot.jpg") as answer:
        await answer.read()
    assert service.stream.hub.channels == ()


async def test_a_snapshot_waits_for_a_camera_that_rests_and_is_slow_to_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture that says that it is being opened is for viewers."""
    monkeypatch.setattr("pi_stream.sources.supervisor._OPEN_GRACE_S", 0.01)
    ready = threading.Event()
    ready.set()

    def slowly(spec: SourceSpec, seq: Iterator[int]) -> Source:
        ready.wait(PATIENCE)
        return open_source(spec, seq)

    monkeypatch.setattr("pi_stream.stream.stream.open_source", slowly)
    async with (
        running(tmp_path, "camera.idle_stop=0.05") as service,
        http(service) as session,
        service.socket() as viewer,
        asyncio.TaskGroup() as tasks,
    ):
        ready.clear()
        while not (await messages_until(viewer, "stats")) or not service.stream.supervisor.resting:
            pass
        asked = tasks.create_task(session.get("snapshot.jpg").__aenter__())
        await messages_until(viewer, "source", online=False, reason="the camera is being opened")
        # A placard has gone by once the next one is due.
        seen = asyncio.Event()
        monkeypatch.setattr(service.stream.supervisor, "_alive", seen.set)
        await asyncio.wait_for(seen.wait(), PATIENCE)
        assert not asked.done()
        ready.set()
        answer = await asked
        assert answer.status == 200
        answer.release()


async def test_health_is_200_while_frames_flow(session: aiohttp.ClientSession) -> None:
    """JSON, for whatever watches over the service."""
    async with session.get("healthz") as answer:
        assert answer.status == 200
        assert await answer.json() == {
            "ok": True,
            "source": "synthetic",
            "fps": pytest.approx(30, abs=30),
            "reason": None,
        }


async def test_without_a_source_health_is_503_with_the_reason_and_pictures_say_it(tmp_path: Path) -> None:
    """A webcam that is not there: the service runs, and everything says what is wrong."""
    async with (
        running(tmp_path, "camera.source=v4l2", "camera.path=/dev/video77") as service,
        http(service) as session,
        service.socket() as connection,
    ):
        async with session.get("healthz") as answer:
            assert answer.status == 503
            health = await answer.json()
        assert (health["ok"], health["source"]) == (False, "v4l2")
        assert "/dev/video77" in health["reason"]
        welcome = json.loads(await connection.recv())
        assert welcome["source"]["reason"] == health["reason"]
        async with session.get("snapshot.jpg") as answer:
            assert answer.status == 503
            assert answer.content_type == "image/jpeg"
            assert Image.open(io.BytesIO(await answer.read())).size == (320, 180)


async def test_status_says_who_watches_what_and_what_it_costs(service: Running, session: aiohttp.ClientSession) -> None:
    """Source, viewers, channels with their drops, vitals."""
    async with service.socket() as connection:
        await connection.send('{"type":"watch","accept":["png"],"acks":true,"window":1}')
        while isinstance(await connection.recv(), str):
            pass
        async with session.get("api/status") as answer:
            assert answer.status == 200
            status = await answer.json()
    assert status["jpeg"].startswith("simplejpeg ")  # which library makes them; pip brings this one
    assert status["source"]["online"] is True
    assert status["source"]["refused"] == []
    (viewer,) = status["viewers"]
    assert viewer["watching"] == "png 320x180"
    assert viewer["dropped"] >= 0
    (channel,) = status["channels"]
    assert (channel["encoding"], channel["subscriptions"], channel["quality"]) == ("png", 1, None)
    assert channel["encoded"] >= 1
    assert channel["dropped"] >= 0
    assert status["vitals"]["memory_mb"] > 10


async def test_captions_are_listed_created_replaced_and_deleted(session: aiohttp.ClientSession) -> None:
    """The same captions as on the websocket, for scripts."""
    async with session.get("api/captions") as answer:
        assert await answer.json() == {"captions": []}
    async with session.post("api/captions", json={"text": "hello", "by": "cron"}) as answer:
        assert answer.status == 201
        caption = await answer.json()
    assert (caption["text"], caption["by"], caption["anchor"]) == ("hello", "cron", "top-left")
    path = f"api/captions/{caption['id']}"
    async with session.put(path, json={"text": "bye"}) as answer:
        assert answer.status == 200
        assert (await answer.json())["id"] == caption["id"]
    async with session.get(path) as answer:
        assert (await answer.json())["text"] == "bye"
    async with session.put("api/captions/door", json={"text": "open"}) as answer:
        assert (await answer.json())["id"] == "door"
    async with session.delete(path) as answer:
        assert answer.status == 204
    async with session.get("api/captions") as answer:
        assert [each["id"] for each in (await answer.json())["captions"]] == ["door"]
    for method in ("GET", "DELETE"):
        async with session.request(method, path) as answer:
            assert answer.status == 404
            assert (await answer.json())["error"]["code"] == "not-found"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "api/captions", b"hello", 400, "not JSON"),
        ("POST", "api/captions", b"\xff\xfe", 400, "not JSON"),
        ("POST", "api/captions", b'{"\xff":1}', 400, "not JSON"),
        ("POST", "api/captions", b"[]", 400, "captions: expected an object"),
        ("POST", "api/captions", b'{"text":"x","x":2}', 400, "captions.x: expected a number from 0 to 1, got 2"),
        ("POST", "api/captions", b'{"text":"{fsp}"}', 400, "fsp"),
        ("PUT", "api/captions/a%20b", b'{"text":"x"}', 400, "captions.id: "),
        ("POST", "api/captions", b" " * 70_000, 413, ""),
        ("PATCH", "api/captions/a", b"{}", 405, ""),
        ("POST", "snapshot.jpg", b"", 405, ""),
        ("GET", "api/captions/none", b"", 404, "none"),
    ],
)
async def test_a_bad_request_is_a_status_with_a_json_reason(
    service: Running, session: aiohttp.ClientSession, method: str, path: str, body: bytes, status: int, words: str
) -> None:
    """And changes nothing."""
    async with session.request(method, path, data=body) as answer:
        assert answer.status == status
        assert answer.content_type == "application/json"
        assert words in (await answer.json())["error"]["message"]
    assert service.stream.captions.all == ()


async def test_one_caption_too_many_is_refused(tmp_path: Path) -> None:
    """503, naming the limit."""
    async with running(tmp_path, "overlay.max_captions=1") as service, http(service) as session:
        async with session.post("api/captions", json={"text": "a"}) as answer:
            assert answer.status == 201
        async with session.post("api/captions", json={"text": "b"}) as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "60"
            assert "1 already, as many as overlay.max_captions" in (await answer.json())["error"]["message"]


async def test_a_foreign_sites_page_may_not_write(service: Running, session: aiohttp.ClientSession) -> None:
    """A visitor's browser says whose page it is; scripts, which say nothing, and our own page may."""
    for origin, status in (("http://evil.example", 403), ("null", 403), (service.url.rstrip("/"), 201)):
        async with session.post("api/captions", json={"text": "x"}, headers={"Origin": origin}) as answer:
            assert answer.status == status


@pytest.mark.parametrize("origin", ["http://[", "http://℀.example", "://", "", "http://a@b:c:d"])
async def test_an_origin_that_is_none_is_refused_and_harms_nobody(
    service: Running, session: aiohttp.ClientSession, origin: str
) -> None:
    """The service goes on."""
    with socket.create_connection(("127.0.0.1", int(service.url.split(":")[2].rstrip("/")))) as connection:
        request = f"POST /api/captions HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\nContent-Length: 2\r\n\r\n{{}}"
        answer = await asyncio.to_thread(_ask, connection, request.encode())
    assert answer.startswith(b"HTTP/1.1 403 ")
    async with session.get("healthz") as alive:
        assert alive.status == 200


def _ask(connection: socket.socket, request: bytes) -> bytes:
    connection.settimeout(PATIENCE)
    connection.sendall(request)
    return connection.recv(1000)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity"])
async def test_a_packed_body_is_refused_unread(session: aiohttp.ClientSession, coding: str) -> None:
    """A few bytes could become any number of them. Nobody has to pack a caption."""
    async with session.post("api/captions", data=b"hello", headers={"Content-Encoding": coding}) as answer:
        assert answer.status == 415
        assert (await answer.json())["error"]["code"] == "content-encoding"


async def test_a_name_of_any_length_is_not_found(session: aiohttp.ClientSession) -> None:
    """However long."""
    for length in (300, 5000):
        async with session.get("a" * length) as answer:
            assert answer.status == 404
            assert (await answer.json())["error"]["code"] == "not-found"


async def test_those_who_only_look_count_as_viewers_too(tmp_path: Path) -> None:
    """max_viewers holds for MJPEG as for the page."""
    async with (
        running(tmp_path, "stream.max_viewers=1") as service,
        http(service) as session,
        session.get("stream.mjpg") as first,
    ):
        assert first.status == 200
        async with session.get("stream.mjpg") as second:
            assert second.status == 503
            assert second.headers["Retry-After"] == "10"
            assert "max_viewers" in (await second.json())["error"]["message"]


async def test_one_address_has_a_share_of_the_places(tmp_path: Path) -> None:
    """Whatever it opens them with; who comes from elsewhere finds one, and a place that is left is free again."""
    async with running(tmp_path, "stream.max_per_address=2", "server.host=0.0.0.0") as service:
        url = f"http://127.0.0.1:{service.url.rstrip('/').rpartition(':')[2]}/"
        elsewhere = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
        async with aiohttp.ClientSession(url) as here, aiohttp.ClientSession(url, connector=elsewhere) as there:
            async with here.ws_connect("ws"), here.get("stream.mjpg"):
                for path in ("stream.mjpg", "ws", "ws/text"):
                    headers = {} if path == "stream.mjpg" else _HANDSHAKE
                    async with here.get(path, headers=headers) as answer:
                        assert answer.status == 429
                        assert answer.headers["Retry-After"] == "10"
                        assert "max_per_address" in (await answer.json())["error"]["message"]
                async with there.get("stream.mjpg") as answer:
                    assert answer.status == 200
            async with asyncio.timeout(PATIENCE):
                while True:
                    async with here.get("stream.mjpg") as answer:
                        if answer.status == 200:
                            break
                    await asyncio.sleep(0.05)
        async with asyncio.timeout(PATIENCE):
            while True:
                if not service.context.viewers.by_address:
                    break
                await asyncio.sleep(0.05)


_HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",  # RFC 6455, clause 1.3
}


@pytest.mark.parametrize("path", ["stream.mjpg?quality=99", "snapshot.jpg?quality=99"])
async def test_one_channel_too_many_is_refused_before_the_answer_begins(
    service: Running, session: aiohttp.ClientSession, path: str
) -> None:
    """As JSON, with the reason; and no place is taken."""
    with contextlib.ExitStack() as watched:
        for quality in range(1, 33):
            watched.enter_context(service.stream.hub.subscribe(ChannelKey("jpeg", 320, 180, quality)))
        async with session.get(path) as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "10"
            assert (await answer.json())["error"]["code"] == "limit"
    assert service.context.viewers.count == 0


async def test_a_snapshot_is_new_whatever_others_watch(service: Running, session: aiohttp.ClientSession) -> None:
    """Somebody who wants a frame every ten seconds shares the channel."""
    async with session.get("stream.mjpg?fps=0.1") as slow:
        await slow.content.readuntil(b"Content-Type")
        seqs = []
        for _ in range(2):
            async with session.get("snapshot.jpg") as answer:
                seqs.append(int(answer.headers["X-Seq"]))
                await answer.read()
            async with service.socket() as connection:
                await connection.send('{"type":"watch","accept":["i420"]}')
                for _ in range(3):
                    while isinstance(await connection.recv(), str):
                        pass
        assert seqs[1] >= seqs[0] + 2


async def test_other_sites_may_be_let_in_by_name(tmp_path: Path) -> None:
    """[server] origins"""
    async with (
        running(tmp_path, 'server.origins=["http://home.lan"]') as service,
        http(service) as session,
        session.post("api/captions", json={"text": "x"}, headers={"Origin": "http://home.lan"}) as answer,
    ):
        assert answer.status == 201


async def test_metrics_are_prometheus_text(session: aiohttp.ClientSession) -> None:
    """Each value with its help and its type."""
    async with session.get("metrics") as answer:
        assert answer.content_type == "text/plain"
        lines = (await answer.text()).splitlines()
    values = dict(line.split(" ") for line in lines if not line.startswith("#"))
    assert values['pi_stream_source_online{camera="camera"}'] == "1"
    assert float(values["pi_stream_memory_mebibytes"]) > 10
    assert float(values["pi_stream_tasks"]) > 5
    assert all(any(line.startswith(f"# TYPE {name.partition('{')[0]} ") for line in lines) for name in values)


async def test_the_api_describes_itself_and_every_path_is_there(
    service: Running, session: aiohttp.ClientSession
) -> None:
    """No route without a description, no description without a route."""
    async with session.get("api/openapi.json") as answer:
        document = await answer.json()
    assert document["openapi"].startswith("3.1")
    described = set(document["paths"])
    routes = {
        route.resource.canonical for route in application(service.context).router.routes() if route.resource is not None
    }
    page = {"/", *(f"/{path.relative_to(WWW).as_posix()}" for path in WWW.rglob("*") if path.is_file())}
    undescribed = {
        *page,
        "/ws",
        "/ws/text",
        "/api/openapi.json",
        "/login",
        "/logout",
        "/certificate",
        "/cameras/{camera}",
    }
    assert described == {path for path in routes if path.removeprefix("/cameras/{camera}") not in undescribed | {""}}
    operations = [each for path in document["paths"].values() for each in path.values()]
    ids = [each["operationId"] for each in operations]
    assert len(ids) == len(set(ids))
    assert {"getSnapshot", "getSnapshotOfCamera", "putCaption", "listCameras"} <= set(ids)
    assert {"Caption", "CaptionDraft", "Error", "Status"} <= set(document["components"]["schemas"])
    _resolve(document, document)


def _resolve(document: dict[str, Any], value: object) -> None:
    """Each reference in the description leads to a schema."""
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            assert reference.rpartition("/")[2] in document["components"]["schemas"]
        for each in value.values():
            _resolve(document, each)
    elif isinstance(value, list):
        for each in value:
            _resolve(document, each)


@pytest.mark.parametrize("encoding", ["rgba", "png", "jpeg"])
async def test_each_text_is_answered_by_its_picture(service: Running, encoding: str) -> None:
    """Bare bytes of the size that was asked for; transparent around the text where that can be."""
    async with service.socket(f"ws/text?encoding={encoding}&width=200&height=80") as connection:
        pictures = []
        for text in ("hello", "", "日本語 😀 عربي", "x" * 5000):
            await connection.send(text)
            data = await asyncio.wait_for(connection.recv(), PATIENCE)
            assert isinstance(data, bytes)
            if encoding == "rgba":
                assert len(data) == 200 * 80 * 4
                pixels = np.frombuffer(data, np.uint8).reshape(80, 200, 4)
            else:
                picture = Image.open(io.BytesIO(data))
                assert (picture.format, picture.size) == (encoding.upper(), (200, 80))
                pixels = np.asarray(picture.convert("RGBA"))
            pictures.append(pixels)
    if encoding == "jpeg":
        assert pictures[0][0, 0, 0] > 250
        assert pictures[0][..., 0].min() < 60
    else:
        assert pictures[0][0, 0, 3] == 0
        assert pictures[0][..., 3].max() == 255
    assert not np.array_equal(pictures[0], pictures[2])
    assert np.array_equal(pictures[1], pictures[1][:1, :1].repeat(80, 0).repeat(200, 1))


async def test_a_picture_of_text_has_300_by_150_pixels_when_nothing_is_said(service: Running) -> None:
    """As a canvas has."""
    async with service.socket("ws/text") as connection:
        await connection.send("hello")
        assert len(await asyncio.wait_for(connection.recv(), PATIENCE)) == 300 * 150 * 4


@pytest.mark.parametrize("query", ["width=0", "height=9999", "encoding=h264", "color=red"])
async def test_an_impossible_picture_of_text_is_refused(session: aiohttp.ClientSession, query: str) -> None:
    """Before the handshake, as JSON."""
    async with session.get(f"ws/text?{query}") as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["message"].startswith(query.partition("=")[0])
