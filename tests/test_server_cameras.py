"""Several cameras behind one port: paths, messages, links, logins, limits and frames of each, on a real socket."""

import asyncio
import base64
import io
import json
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from websockets import InvalidStatus
from yarl import URL

import pi_stream
from pi_stream.auth import store
from pi_stream.auth.credentials import Credentials
from pi_stream.auth.passwords import hash_password
from pi_stream.cli import main
from pi_stream.errors import NotFound
from pi_stream.sources.synthetic import pattern
from tests.films import write_film
from tests.running import PATIENCE, Running, http, messages_until, next_frame, process, running, say, values

TWO = ("cameras.garden.source=synthetic", "cameras.garden.width=160", "cameras.garden.height=120")
NAMES = "there are: camera, garden"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path, *TWO) as service:
        yield service


@pytest.fixture
async def session(service: Running) -> AsyncIterator[aiohttp.ClientSession]:
    async with http(service) as session:
        yield session


@pytest.fixture
async def anywhere() -> AsyncIterator[aiohttp.ClientSession]:
    """A session for whole URLs, which the oldest aiohttp takes only without a base."""
    async with aiohttp.ClientSession() as session:
        yield session


# --- paths


async def test_each_path_of_a_camera_is_served_under_its_name(service: Running, session: aiohttp.ClientSession) -> None:
    """Without a name it is the first camera's."""
    for prefix, size in (("", (320, 180)), ("cameras/camera/", (320, 180)), ("cameras/garden/", (160, 120))):
        for name in ("snapshot.jpg", "snapshot.png"):
            async with session.get(prefix + name) as answer:
                assert answer.status == 200
                assert Image.open(io.BytesIO(await answer.read())).size == size
        async with session.get(f"{prefix}stream.mjpg") as answer:
            assert (answer.status, answer.content_type) == (200, "multipart/x-mixed-replace")
            head = (await answer.content.readuntil(b"\r\n\r\n")).decode()
            length = int(head.partition("Content-Length: ")[2].partition("\r\n")[0])
            assert Image.open(io.BytesIO(await answer.content.readexactly(length))).size == size
        async with session.get(f"{prefix}api/status") as answer:
            source = (await answer.json())["source"]
            assert (source["width"], source["height"]) == size
        async with session.get(f"{prefix}healthz") as answer:
            assert answer.status == 200
            assert ("cameras" in await answer.json()) is (prefix == "")
        for name in ("", "index.html"):
            async with session.get(prefix + name) as answer:
                assert (answer.status, answer.content_type) == (200, "text/html")
        async with service.socket(f"{prefix}ws") as connection:
            welcome = await messages_until(connection, "welcome")
            assert (welcome["source"]["width"], welcome["source"]["height"]) == size
            assert welcome["camera"] == ("garden" if size == (160, 120) else "camera")
            assert [each["name"] for each in welcome["cameras"]] == ["camera", "garden"]
        async with service.socket(f"{prefix}ws/text") as connection:
            await connection.send("hello")
            assert isinstance(await asyncio.wait_for(connection.recv(), PATIENCE), bytes)


async def test_the_list_of_cameras_is_in_the_order_of_the_settings(session: aiohttp.ClientSession) -> None:
    """With what a page needs to show them and to lead there."""
    async with session.get("api/cameras") as answer:
        first, second = (await answer.json())["cameras"]
    common = {"online": True, "reason": None, "kind": "synthetic"}
    assert first == {
        "name": "camera",
        "title": "Camera",
        "path": "cameras/camera/",
        "width": 320,
        "height": 180,
        **common,
    }
    assert second == {
        "name": "garden",
        "title": "Garden",
        "path": "cameras/garden/",
        "width": 160,
        "height": 120,
        **common,
    }
    async with session.get(second["path"]) as answer:
        assert answer.status == 200


async def test_a_camera_without_the_slash_leads_to_its_page(session: aiohttp.ClientSession) -> None:
    """A relative path, which is right behind a path prefix, too."""
    async with session.get("cameras/garden", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (307, "garden/")
    async with session.get("cameras/garden") as answer:
        assert answer.url.path == "/cameras/garden/"
        assert answer.status == 200


async def test_the_page_of_a_camera_finds_its_files_at_the_root_and_its_picture_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths of the page that begin with ./ are the service's; with several cameras / is the overview."""
    www = tmp_path / "www"
    www.mkdir()
    (www / "index.html").write_text('<script src="./main.js"></script><a href="./">all</a><img src="snapshot.jpg">')
    (www / "overview.html").write_text("all of them")
    monkeypatch.setattr("pi_stream.app.service._www", lambda: www)
    for settings, root in ((TWO, "all of them"), ((), (www / "index.html").read_text())):
        async with running(tmp_path, *settings) as service, http(service) as session:
            async with session.get("") as answer:
                assert await answer.text() == root
            for path in ("cameras/camera/", "cameras/camera/index.html"):
                async with session.get(path) as answer:
                    text = await answer.text()
                assert text == ('<script src="../../main.js"></script><a href="../../">all</a><img src="snapshot.jpg">')
            async with session.get("index.html") as answer:
                assert await answer.text() == (www / "index.html").read_text()


async def test_the_page_of_a_camera_loads_its_files_from_the_root(
    session: aiohttp.ClientSession, anywhere: aiohttp.ClientSession
) -> None:
    """Each file has one address, whichever camera is shown; only the page's picture is the camera's."""
    async with session.get("cameras/garden/") as answer:
        page, at = await answer.text(), answer.url
    files = [at.join(URL(path)) for path in re.findall(r' (?:src|href)="([^"#]+)"', page)]
    pictures = {each.path for each in files if each.path.startswith("/cameras/")}
    assert pictures <= {"/cameras/garden/snapshot.jpg", "/cameras/garden/snapshot.png", "/cameras/garden/stream.mjpg"}
    assert {"/main.js", "/lib/reload.js", "/styles/page.css"} <= {each.path for each in files}
    for each in set(files):
        async with anywhere.get(each) as answer:
            assert answer.status == 200, each
    async with session.get("cameras/garden/main.js") as answer:
        assert answer.status == 404


ODD_NAMES = (
    "nobody", "Garden", "GARDEN", "garden%20", "%2e%2e", "..%2f..", "garden%2Fws", "%67arde", "g%00", "%D0%B3",
    "%D0%B3%ff", "%ff%fe", "x" * 33, "x" * 5000, "*", "garden;x", "garden%3F", "-", "garden%0d%0a",
)  # fmt: skip


@pytest.mark.parametrize("name", ODD_NAMES, ids=lambda name: name[:20])
async def test_a_camera_that_does_not_exist_is_not_found(
    service: Running, session: aiohttp.ClientSession, name: str, anywhere: aiohttp.ClientSession
) -> None:
    """With the names there are, whatever the name is."""
    for path in (
        "",
        "ws",
        "snapshot.jpg",
        "stream.mjpg",
        "healthz",
        "api/status",
        "api/captions",
        "index.html",
    ):
        url = URL(f"{service.url}cameras/{name}/{path}", encoded=True)
        async with anywhere.get(url, allow_redirects=False) as answer:
            assert (answer.status, answer.content_type) == (404, "application/json"), path
            error = (await answer.json())["error"]
        assert error["code"] == "not-found"
        assert NAMES in error["message"], path
        assert len(error["message"]) < 400
    async with anywhere.post(
        URL(f"{service.url}cameras/{name}/api/captions", encoded=True), json={"text": "x"}
    ) as answer:
        assert answer.status == 404
    assert all(stream.captions.all == () for stream in service.context.streams.values())
    async with session.get("healthz") as answer:
        assert answer.status == 200


async def test_a_name_that_is_written_otherwise_is_the_same_name(
    service: Running, anywhere: aiohttp.ClientSession
) -> None:
    """RFC 3986, clause 6.2.2: percent-encoding of unreserved characters changes nothing."""
    async with anywhere.get(URL(f"{service.url}cameras/%67arden/api/status", encoded=True)) as answer:
        assert answer.status == 200
        assert (await answer.json())["source"]["width"] == 160


async def test_a_websocket_of_a_camera_that_does_not_exist_is_refused_before_the_handshake(service: Running) -> None:
    """As JSON with the names there are."""
    for path in ("cameras/nobody/ws", "cameras/nobody/ws/text"):
        with pytest.raises(InvalidStatus) as refused:
            async with service.socket(path):
                pass
        assert refused.value.response.status_code == 404
        assert NAMES in json.loads(refused.value.response.body or b"")["error"]["message"]


# --- messages


async def test_captions_and_news_of_a_camera_go_to_its_viewers(
    service: Running, session: aiohttp.ClientSession
) -> None:
    """The conversation goes to all."""
    async with service.socket() as first, service.socket("cameras/garden/ws") as second:
        for connection in (first, second):
            await messages_until(connection, "welcome")
        await say(second, "caption.put", caption={"text": "roses", "id": "r"})
        assert (await messages_until(second, "captions"))["captions"][0]["text"] == "roses"
        async with session.put("api/captions/d", json={"text": "door"}) as answer:
            assert answer.status == 201
        assert [each["id"] for each in (await messages_until(first, "captions"))["captions"]] == ["d"]
        for path, ids in (("api/captions", ["d"]), ("cameras/garden/api/captions", ["r"])):
            async with session.get(path) as answer:
                assert [each["id"] for each in (await answer.json())["captions"]] == ids
        async with session.delete("cameras/garden/api/captions/d") as answer:
            assert answer.status == 404
        await say(first, "say", text="hello")
        # Before that line, no captions of the other camera came.
        assert (await messages_until(second, "said", "captions"))["type"] == "said"
        streams = service.context.streams
        assert [service.context.viewers.count_of(each) for each in streams.values()] == [1, 1]


async def test_every_viewer_is_told_of_the_state_of_every_camera(tmp_path: Path) -> None:
    """An overview needs it, and so do the keys that lead to a camera; `source` goes to the viewers of one."""
    film = _film(tmp_path / "film.mkv", range(10))
    settings = ("cameras.garden.source=file", f"cameras.garden.path={film}")
    async with running(tmp_path, *settings) as service, service.socket() as first:
        await messages_until(first, "welcome")
        async with service.socket("cameras/garden/ws") as second:
            await messages_until(second, "welcome")
            garden = service.context.streams["garden"]
            garden.replace_source(garden.supervisor.spec, garden.settings, reason="it is repaired")
            news = await messages_until(first, "cameras", "source")
            assert (news["type"], news["camera"]) == ("cameras", "camera")
            assert [(each["name"], each["online"], each["reason"]) for each in news["cameras"]] == [
                ("camera", True, None),
                ("garden", False, "it is repaired"),
            ]
            assert (await messages_until(second, "source"))["reason"] == "it is repaired"
            assert (await messages_until(second, "cameras"))["camera"] == "garden"
            again = await messages_until(first, "cameras", "source")
            assert [each["online"] for each in again["cameras"]] == [True, True]


async def test_a_reload_that_adds_renames_and_removes_cameras_is_told_to_those_who_watch(tmp_path: Path) -> None:
    """They stay connected and get frames; a viewer of a camera that is gone is told so."""
    config = tmp_path / "config.toml"
    head = "[server]\nhost = '127.0.0.1'\nport = 0\n"
    size = "source = 'synthetic'\nwidth = 320\nheight = 180\n"
    config.write_text(f"{head}[camera]\n{size}[cameras.garden]\n{size}fps = 20\n[cameras.shed]\n{size}fps = 10\n")
    async with (
        process(tmp_path, config=config) as service,
        service.socket() as first,
        service.socket("cameras/garden/ws") as second,
        service.socket("cameras/shed/ws") as third,
    ):
        for connection in (first, second, third):
            await say(connection, "watch", accept=["jpeg"])
            await next_frame(connection)
        config.write_text(f"{head}[camera]\n{size}[cameras.yard]\n{size}fps = 20\n[cameras.hall]\n{size}fps = 5\n")
        service.process.send_signal(signal.SIGHUP)
        names = ["camera", "yard", "hall"]
        for connection, name in ((first, "camera"), (second, "yard")):
            news = await messages_until(connection, "cameras")
            while values(news["cameras"], "name") != names:
                news = await messages_until(connection, "cameras")
            assert news["camera"] == name
            await next_frame(connection)
        async with asyncio.timeout(PATIENCE):
            await third.wait_closed()
        assert third.close_code == 1001
        assert third.close_reason == "the camera shed was removed from the settings"
        async with service.socket("cameras/hall/ws") as fourth:
            await say(fourth, "watch", accept=["jpeg"])
            await next_frame(fourth)


# --- logins and links


WORDS = "change everything"


@pytest.fixture
async def locked(tmp_path: Path) -> AsyncIterator[Running]:
    store.save(tmp_path / store.NAME, Credentials().with_password("control", hash_password(WORDS, n=2)))
    async with running(tmp_path, *TWO, "auth.mode=password") as service:
        yield service


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("", "./login"),
        ("index.html", "./login"),
        ("cameras/garden", "../login"),
        ("cameras/garden/", "../../login"),
        ("cameras/garden/index.html", "../../login"),
        ("cameras/nobody/", "../../login"),
    ],
)
async def test_a_page_leads_to_the_login_of_the_service(locked: Running, path: str, location: str) -> None:
    """By a relative path; without a login nothing is told of which cameras there are."""
    async with http(locked) as session:
        async with session.get(path, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, location)
        async with session.get(path) as answer:
            assert (answer.status, answer.url.path) == (200, "/login")
        async with session.get(f"{path.rstrip('/')}/snapshot.jpg".lstrip("/")) as answer:
            assert answer.status in (401, 404)
            assert "garden" not in await answer.text()


async def test_a_session_is_for_all_cameras(locked: Running) -> None:
    """Its cookie is that of the service's root."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(locked.url, cookie_jar=jar) as session:
        async with session.post("login", data={"password": WORDS}, allow_redirects=False) as answer:
            assert answer.status == 303
        for path in ("api/status", "cameras/garden/api/status", "cameras/garden/"):
            async with session.get(path, allow_redirects=False) as answer:
                assert answer.status == 200, path
        async with session.ws_connect("cameras/garden/ws") as connection:
            assert (await connection.receive_json())["may"] == ["view", "control"]


async def test_a_link_opens_a_picture_of_its_camera_alone(locked: Running) -> None:
    """Neither that of another, nor the same one's other pictures."""
    proof = {"Authorization": "Basic " + base64.b64encode(f"any:{WORDS}".encode()).decode()}
    async with http(locked) as session:
        async with session.post(
            "api/links", json={"path": "/cameras/garden/snapshot.jpg?width=64", "seconds": 60}, headers=proof
        ) as answer:
            assert answer.status == 201
            link = (await answer.json())["path"]
        assert link.startswith("/cameras/garden/snapshot.jpg?width=64&access=")
        async with session.get(link[1:]) as answer:
            assert answer.status == 200
            assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
            assert Image.open(io.BytesIO(await answer.read())).width == 64
        for other in ("/snapshot.jpg", "/cameras/camera/snapshot.jpg", "/cameras/garden/snapshot.png"):
            async with session.get(link.replace("/cameras/garden/snapshot.jpg", other)[1:]) as answer:
                assert answer.status == 401, other
        for path, status in (
            ("/cameras/nobody/snapshot.jpg", 404),
            ("/cameras/garden/api/status", 400),
            ("/cameras/garden/x/../snapshot.jpg", 400),
            ("//cameras/garden/snapshot.jpg", 400),
            ("/cameras/garden/cameras/garden/snapshot.jpg", 400),
        ):
            async with session.post("api/links", json={"path": path}, headers=proof) as answer:
                assert answer.status == status, path


async def test_a_foreign_page_may_not_write_to_any_camera(service: Running, session: aiohttp.ClientSession) -> None:
    """Nor open its websocket; nor is it found under a stranger's name."""
    foreign = {"Origin": "http://evil.example"}
    async with session.post("cameras/garden/api/captions", json={"text": "x"}, headers=foreign) as answer:
        assert answer.status == 403
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await session.ws_connect("cameras/garden/ws", headers=foreign)
    assert refused.value.status == 403
    async with session.get("cameras/garden/snapshot.jpg", headers={"Host": "evil.example"}) as answer:
        assert answer.status == 421
    assert service.context.streams["garden"].captions.all == ()


async def test_plain_http_leads_to_the_same_camera_by_https(tmp_path: Path) -> None:
    """And shows nothing of it, not even which cameras there are."""
    async with running(tmp_path, *TWO, "tls.mode=self-signed") as service:
        plain = service.url.replace("https", "http")
        async with aiohttp.ClientSession(plain) as session:
            for path in (
                "cameras/garden/",
                "cameras/nobody/",
                "cameras/garden/stream.mjpg?width=64",
                "cameras/x/styles.css",
            ):
                async with session.get(path, allow_redirects=False) as answer:
                    assert (answer.status, answer.headers["Location"]) == (307, service.url + path)
            async with session.post("cameras/garden/api/captions", json={"text": "x"}) as answer:
                assert answer.status == 403


# --- limits


async def test_limits_hold_for_all_cameras_together(tmp_path: Path) -> None:
    """Viewers, channels, and how often an address changes something."""
    limits = ("limits.channels=2", "stream.max_viewers=3", "limits.changes=3")
    async with running(tmp_path, *TWO, *limits) as service, http(service) as session:
        async with (
            session.get("stream.mjpg") as one,
            session.get("cameras/garden/stream.mjpg") as two,
            service.socket("cameras/garden/ws") as three,
        ):
            assert (one.status, two.status) == (200, 200)
            await messages_until(three, "welcome")
            for path in ("stream.mjpg", "cameras/garden/stream.mjpg"):
                async with session.get(path) as answer:
                    assert answer.status == 503
                    assert "stream.max_viewers" in (await answer.json())["error"]["message"]
            for path in ("snapshot.png", "cameras/garden/snapshot.png"):
                async with session.get(path) as answer:
                    assert answer.status == 503
                    assert "limits.channels" in (await answer.json())["error"]["message"]
            await say(three, "watch", accept=["png"], id=1)
            assert "limits.channels" in (await messages_until(three, "error", re=1))["message"]
            for prefix, status in (("", 201), ("cameras/garden/", 201), ("cameras/camera/", 201), ("", 429)):
                async with session.post(f"{prefix}api/captions", json={"text": "x"}) as answer:
                    assert answer.status == status
        counts = service.context.refusals.counts
        assert (counts["stream.max_viewers"], counts["limits.channels"], counts["limits.changes"]) == (2, 3, 1)


# --- frames


def _film(path: Path, numbers: range) -> Path:
    """A film whose frames show these numbers."""
    pictures = []
    for number in numbers:
        luma = np.full((180, 320), pattern.DARK, np.uint8)
        pattern.write(luma, number)
        pictures.append(luma[..., None].repeat(3, axis=2))
    return write_film(path, pictures, matrix="bt601", full=True)


def _number(rgb: NDArray[np.uint8]) -> int:
    luma = np.rint(rgb.astype(float) @ (0.299, 0.587, 0.114)).astype(np.uint8)
    number = pattern.read_seq(luma)
    assert number is not None
    return number


FILMS = {"": range(1000, 1025), "cameras/garden/": range(5000, 5025)}
SAME_ENCODINGS = ["jpeg", "png", "i420", "rgba"]


@pytest.fixture
async def films(tmp_path: Path) -> AsyncIterator[Running]:
    """Two films of one size, so that their channels differ in nothing but the camera."""
    paths = [_film(tmp_path / f"{each.start}.mkv", each) for each in FILMS.values()]
    settings = ["camera.source=file", f"camera.path={paths[0]}", "camera.fps=25"]
    settings += ["cameras.garden.source=file", f"cameras.garden.path={paths[1]}", "cameras.garden.fps=25"]
    sizes = ["cameras.garden.width=320", "cameras.garden.height=180"]
    async with running(tmp_path, *settings, *sizes) as service:
        yield service


async def test_two_cameras_never_mix_in_any_encoding_by_websocket(films: Running) -> None:
    """Eight viewers at once, all encodings of both: each sees its own film, frame by frame."""

    async def watch(prefix: str, encoding: str) -> set[int]:
        seen: set[int] = set()
        async with pi_stream.connect(films.url + prefix, accept=[encoding]) as camera:
            async for packet in camera:
                if not packet.offline:
                    seen.add(_number(packet.image()))
                if len(seen) >= 10:
                    return seen
        raise AssertionError("the connection ended")

    async with asyncio.timeout(PATIENCE):
        asked = [(prefix, encoding) for prefix in FILMS for encoding in SAME_ENCODINGS]
        for (prefix, encoding), seen in zip(
            asked, await asyncio.gather(*(watch(*each) for each in asked)), strict=True
        ):
            assert seen <= set(FILMS[prefix]), (prefix, encoding)


async def test_two_cameras_never_mix_in_snapshots_and_streams(films: Running) -> None:
    """While viewers of both watch the same encoding, which would share a channel if it were one camera."""
    async with http(films) as session:

        async def snapshots(prefix: str, name: str) -> None:
            for _ in range(8):
                async with session.get(f"{prefix}{name}") as answer:
                    picture = Image.open(io.BytesIO(await answer.read())).convert("RGB")
                assert _number(np.asarray(picture)) in FILMS[prefix]

        async def stream(prefix: str) -> None:
            async with session.get(f"{prefix}stream.mjpg") as answer:
                for _ in range(15):
                    head = (await answer.content.readuntil(b"\r\n\r\n")).decode()
                    length = int(head.partition("Content-Length: ")[2].partition("\r\n")[0])
                    picture = Image.open(io.BytesIO(await answer.content.readexactly(length))).convert("RGB")
                    assert _number(np.asarray(picture)) in FILMS[prefix]

        async with asyncio.timeout(PATIENCE):
            both = [stream(prefix) for prefix in FILMS]
            await asyncio.gather(
                *both, *(snapshots(prefix, name) for prefix in FILMS for name in ("snapshot.jpg", "snapshot.png"))
            )


async def test_a_slow_viewer_of_one_camera_gets_no_frame_of_the_other(films: Running) -> None:
    """Packets that wait are those of its own channel."""
    async with films.socket("cameras/garden/ws") as slow, films.socket() as fast:
        await say(slow, "watch", accept=["png"], acks=True, window=1)
        await say(fast, "watch", accept=["png"])
        for _ in range(5):
            for _ in range(10):
                await next_frame(fast)
            message = await next_frame(slow)
            assert _number(np.asarray(Image.open(io.BytesIO(message[32:])).convert("RGB"))) in FILMS["cameras/garden/"]
            await say(slow, "ack", seq=int.from_bytes(message[8:12], "little"))


# --- the Python viewer and the commands


async def test_the_python_viewer_takes_a_camera(service: Running) -> None:
    """By its name, or by the address of its page."""
    async with asyncio.timeout(PATIENCE):
        for viewer in (
            pi_stream.connect(service.url, camera="garden"),
            pi_stream.connect(f"{service.url}cameras/garden/"),
        ):
            async with viewer as camera:
                assert camera.camera == "garden"
                assert [each.name for each in camera.cameras] == ["camera", "garden"]
                packet = await anext(camera)
                assert packet.image().shape == (120, 160, 3)
                assert (await camera.put_caption("roses", id="r")).text == "roses"
        async with pi_stream.connect(service.url) as camera:
            assert camera.camera == "camera"
            assert camera.captions == ()
    assert [each.text for each in service.context.streams["garden"].captions.all] == ["roses"]
    assert service.stream.captions.all == ()


async def test_an_unknown_camera_is_told_to_the_python_viewer_with_those_there_are(service: Running) -> None:
    """Before any picture is asked for."""
    for viewer in (
        pi_stream.connect(service.url, camera="nobody"),
        pi_stream.connect(f"{service.url}cameras/nobody/"),
    ):
        with pytest.raises(NotFound, match="there is no camera 'nobody'; there are: camera, garden"):
            await viewer.__aenter__()


async def test_the_commands_take_a_camera(service: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """`watch` and `caption`, with exit codes and errors as everywhere."""

    async def run(*arguments: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    code, out, _ = await run("caption", service.url, "roses", "--id", "r", "--camera", "garden")
    assert (code, out) == (0, "r\n")
    assert [each.id for each in service.context.streams["garden"].captions.all] == ["r"]
    code, out, _ = await run("watch", service.url, "--camera", "garden", "--seconds", "0.3")
    assert code == 0
    assert out.startswith("garden: jpeg 160x120 from synthetic\n")
    code, _, err = await run("watch", service.url, "--camera", "nobody")
    assert code == 1
    assert "there is no camera 'nobody'; there are: camera, garden" in err
    code, _, err = await run("watch", service.url, "--camera", "No Name")
    assert code == 2
    assert "camera: expected a name of 1 to 32 of a-z, 0-9 and -, got 'No Name'" in err
