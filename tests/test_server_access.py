"""Rights on a real socket: every route and every message, without and with each of them."""

import asyncio
import base64
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import websockets

import pi_stream
from pi_stream import protocol
from pi_stream.auth import store
from pi_stream.auth.credentials import Credentials
from pi_stream.auth.passwords import hash_password
from pi_stream.auth.rights import Right
from pi_stream.auth.throttle import FREE_TRIES
from pi_stream.errors import Disconnected, Forbidden, SettingError
from pi_stream.server.app import application
from pi_stream.server.route import Route, RouteTable
from pi_stream.server.routes import all_routes
from pi_stream.server.security.authorize import authorize
from pi_stream.server.websocket.messages import ROWS as MESSAGES
from tests.running import PATIENCE, Running, http, messages_until, running, say

PASSWORD, LOOK = "change everything", "only looking"
LOCKED = ("auth.mode=password",)
VIEW_OPEN = (*LOCKED, "auth.view=open")
NOTHING, VIEW, CONTROL = Right
WWW = Path(__file__).parent.parent / "www"
PAGES = {"index.html", "overview.html"}
FILES = {path.relative_to(WWW).as_posix() for path in WWW.rglob("*.*")} - PAGES
ROUTES = {
    f"{row.method} {path}": row.right for row in all_routes(WWW) if row.path[1:] not in FILES for path in row.paths
}
REDIRECTED = {f"{row.method} {path}" for row in all_routes(WWW) if row.page for path in row.paths}


class Lock:
    """The file of passwords and tokens of a service, and how one logs in with it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / store.NAME
        keys = (
            Credentials()
            .with_password("control", hash_password(PASSWORD, n=2))
            .with_password("view", hash_password(LOOK, n=2))
        )
        keys, self.control = keys.with_token("script", "control", "2026-01-31")
        self.keys, self.view = keys.with_token("watcher", "view", "2026-01-31")
        store.save(self.file, self.keys)

    def change(self, keys: Credentials) -> None:
        """As a command does it."""
        self.keys = keys
        store.save(self.file, keys)

    def ways(self) -> dict[Right, list[dict[str, str]]]:
        """Headers that prove each right: nothing, a token, a password, a session."""
        found: dict[Right, list[dict[str, str]]] = {NOTHING: [{}, {"Cookie": "pi-stream-session=control.9999999999.x"}]}
        for right, token, password in ((VIEW, self.view, LOOK), (CONTROL, self.control, PASSWORD)):
            grant = self.keys.by_password(password)
            assert grant is not None
            cookie = self.keys.session(grant, time.time())
            found[right] = [bearer(token), basic(password), {"Cookie": f"pi-stream-session={cookie}"}]
        return found


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(password: str, name: str = "anybody") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


@pytest.fixture
def lock(tmp_path: Path) -> Lock:
    return Lock(tmp_path)


@pytest.fixture
async def service(lock: Lock, tmp_path: Path) -> AsyncIterator[Running]:
    assert lock.file.exists()
    async with running(tmp_path, *LOCKED) as service:
        yield service


@pytest.fixture
async def session(service: Running) -> AsyncIterator[aiohttp.ClientSession]:
    async with http(service) as session:
        yield session


async def _status(session: aiohttp.ClientSession, name: str, headers: Mapping[str, str]) -> int:
    """Of one request to a route, by its name in the table; a websocket that opens is 101."""
    method, path = name.split(" ")
    path = path[1:].replace("{id}", "c1").replace("{camera}", "camera")
    if path.endswith(("ws", "ws/text")):
        try:
            async with session.ws_connect(path, headers=headers):
                return 101
        except aiohttp.WSServerHandshakeError as error:
            return error.status
    async with session.request(method, path, headers=headers, allow_redirects=False) as answer:
        return answer.status


# --- the table


async def test_every_route_and_every_message_has_its_row(service: Running) -> None:
    """Read from the router and from the protocol themselves; and no row is for something that is not there."""
    routes = {
        f"{route.method} {route.resource.canonical}"
        for route in application(service.context).router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    assert set(ROUTES) == routes - {f"GET /{name}" for name in FILES}
    assert set(MESSAGES) == set(protocol.Request.__subclasses__())
    assert MESSAGES[protocol.Ack].right is VIEW  # it is not checked at each frame: the handshake was
    for name, right in ROUTES.items():
        assert right is CONTROL or name.startswith("GET ") or name in ("POST /login", "POST /logout"), name
    for row in all_routes(WWW):
        assert row.right is NOTHING or row.path[1:] not in FILES, row.path
        assert not row.linkable or (row.method == "GET" and row.right is VIEW), row.path


async def test_the_routes_of_a_camera_are_also_served_under_its_name(service: Running) -> None:
    """All that show or change a picture; not those of the service."""
    alone = {row.path for row in all_routes(WWW) if not row.camera and row.operation is not None}
    assert alone == {
        "/api/cameras", "/api/doctor", "/api/next", "/api/access", "/api/links", "/metrics", "/certificate.pem"
    }  # fmt: skip
    assert service.context.streams.first.name == "camera"


async def test_a_route_without_a_row_is_not_served(service: Running) -> None:
    """It is a bug, which ends the service."""
    app = aiohttp.web.Application(middlewares=[authorize(service.context.access, RouteTable([]))])
    app.router.add_get("/api/new", _never)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    try:
        await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/new"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.status == 500
    finally:
        await runner.cleanup()


def test_two_rows_of_one_path_are_refused() -> None:
    """A feature cannot take the place of a route that exists, also not under the prefix."""
    first = Route("GET", "/api/new", _never, VIEW, camera=True)
    for second in (first, Route("GET", "/cameras/{camera}/api/new", _never, NOTHING)):
        with pytest.raises(ValueError, match="two routes are GET /"):
            RouteTable([first, second])


async def _never(request: aiohttp.web.Request) -> aiohttp.web.Response:
    raise AssertionError(request.path)


@pytest.mark.parametrize("settings", [LOCKED, VIEW_OPEN])
async def test_every_route_without_and_with_each_right(lock: Lock, tmp_path: Path, settings: tuple[str, ...]) -> None:
    """However it is proved: 401 for nobody, 403 for one who may only look, and otherwise it is done."""
    async with running(tmp_path, *settings) as service, http(service) as session:
        for name, needed in ROUTES.items():
            for right, ways in lock.ways().items():
                for headers in ways:
                    has = max(right, VIEW) if settings is VIEW_OPEN else right
                    status = await _status(session, name, headers)
                    case = f"{name} by {headers} took {status}"
                    if name == "POST /login":
                        assert status in (401, 429), case  # there is no password in it
                    elif has >= needed:
                        assert status not in (401, 403), case
                        assert name == "POST /logout" or status != 303, case
                    elif right is not NOTHING:
                        assert status == 403, case
                    elif name in REDIRECTED:
                        assert status == 303, case
                    else:
                        assert status == 401, case


@pytest.mark.parametrize("headers", [bearer("wrong"), basic("wrong"), {"Authorization": "Digest x"}], ids=str)
async def test_what_is_shown_and_wrong_is_refused_on_every_route_that_asks(
    service: Running, session: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    """401, or 429 when it was often; whatever else is true of it, and the service goes on."""
    for name, needed in ROUTES.items():
        status = await _status(session, name, headers)
        asks = needed is not NOTHING or name == "GET /api/access"
        assert (status in (401, 429)) is (asks or name == "POST /login"), f"{name} took {status}"
    assert await _status(session, "GET /healthz", {}) == 200
    assert service.context.access.keys is not None


async def test_the_files_of_the_page_are_for_everybody(service: Running, session: aiohttp.ClientSession) -> None:
    """The login page needs its style; nothing of the camera is in them."""
    for path in service.context.www.rglob("*.*"):
        name = path.relative_to(service.context.www).as_posix()
        assert await _status(session, f"GET /{name}", {}) == (303 if name in PAGES else 200), name


SAID: dict[type[protocol.Request], dict[str, Any]] = {
    protocol.Watch: {"accept": ["jpeg"]},
    protocol.Ack: {"seq": 1},
    protocol.Unwatch: {},
    protocol.Ping: {"sent": 1},
    protocol.CaptionPut: {"caption": {"text": "hello"}},
    protocol.CaptionDelete: {"id": "c1"},
    protocol.Say: {"text": "hello"},
    protocol.Name: {"name": "Aki"},
    protocol.Controls: {"controls": {"ExposureTime": 1}},
}


@pytest.mark.parametrize("right", [VIEW, CONTROL])
async def test_every_message_with_each_right(service: Running, lock: Lock, right: Right) -> None:
    """Who may only look is refused what others would notice, with a reason, and stays connected."""
    assert set(SAID) == set(MESSAGES)
    async with service.socket(additional_headers=bearer(lock.view if right is VIEW else lock.control)) as connection:
        welcome = await messages_until(connection, "welcome")
        assert welcome["may"] == list(right.includes)
        assert welcome["login"] is True
        for kind, fields in SAID.items():
            await say(connection, str(kind.__struct_config__.tag), **{"id": "c1", **fields})
            answer = await messages_until(connection, "ok", "error", re="c1")
            refused = answer["type"] == "error" and answer["code"] == "forbidden"
            assert refused is (right < MESSAGES[kind].right), answer
            if refused:
                assert "log in" in answer["message"]
    assert service.stream.captions.all == ()  # put by one who may, and deleted again


async def test_where_everything_is_open_nobody_is_asked(tmp_path: Path) -> None:
    """The default: no login page, and whatever is shown is passed over."""
    async with running(tmp_path) as service, http(service) as session, service.socket() as connection:
        for name in ROUTES:
            assert await _status(session, name, basic("whatever")) not in (401, 403)
        async with session.get("api/access") as answer:
            assert await answer.json() == {"mode": "open", "may": ["view", "control"]}
        async with session.get("login", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "./")
        welcome = await messages_until(connection, "welcome")
        assert (welcome["may"], welcome["login"]) == (["view", "control"], False)


# --- logging in


async def _login(session: aiohttp.ClientSession, password: str) -> aiohttp.ClientResponse:
    body = {"user": "pi-stream", "password": password}
    async with session.post("login", data=body, allow_redirects=False) as answer:
        await answer.read()
        return answer


@pytest.mark.parametrize("other", ["a/b=1", "=", "a b", ";;", '"', "x=é"])
async def test_cookies_of_others_neither_harm_nor_hide_ours(lock: Lock, service: Running, other: str) -> None:
    """A browser sends those of every service of this host, whatever they are called."""
    ours = lock.ways()[VIEW][2]["Cookie"]
    async with aiohttp.ClientSession(service.url) as session:
        for cookie, status in ((other, 401), (f"{other}; {ours}", 200)):
            assert await _status(session, "GET /api/status", {"Cookie": cookie}) == status


async def test_a_login_lasts_over_a_restart_of_the_service(lock: Lock, tmp_path: Path) -> None:
    """The cookie is for this site alone, out of reach of scripts, and logging out takes it away."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with running(tmp_path, *LOCKED) as first, aiohttp.ClientSession(first.url, cookie_jar=jar) as session:
        answer = await _login(session, PASSWORD)
        assert (answer.status, answer.headers["Location"]) == (303, "./")
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "Path" not in cookie
        assert "Domain" not in cookie
        assert PASSWORD not in cookie
        assert await _status(session, "GET /api/status", {}) == 200
    async with running(tmp_path, *LOCKED) as second, aiohttp.ClientSession(second.url, cookie_jar=jar) as session:
        assert await _status(session, "GET /api/status", {}) == 200
        async with session.ws_connect("ws") as connection:
            assert (await connection.receive_json())["may"] == ["view", "control"]
        assert await _status(session, "POST /logout", {}) == 303
        assert await _status(session, "GET /api/status", {}) == 401
    assert lock.file.exists()


async def test_a_wrong_password_is_told_on_the_form(
    session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says where from, and not what it was."""
    async with session.post("login", data={"password": "guessed wrong"}) as answer:
        assert answer.status == 401
        assert "This password is not right." in await answer.text()
        assert "Set-Cookie" not in answer.headers
    assert "a wrong password came from 127.0.0.1" in caplog.text
    assert "guessed" not in caplog.text


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"password", b"password=%ff%fe", b"password=" + b"x" * 60_000, b"&".join([b"a=1"] * 9)]
)
async def test_a_form_that_is_none_is_a_wrong_password(session: aiohttp.ClientSession, body: bytes) -> None:
    """And no fault of the service."""
    async with session.post("login", data=body) as answer:
        assert answer.status == 401


async def test_too_many_fields_are_a_bad_request(session: aiohttp.ClientSession) -> None:
    """They are not even looked at."""
    async with session.post("login", data=b"&".join([b"a=1"] * 20)) as answer:
        assert answer.status == 400


@pytest.mark.parametrize("way", ["form", "basic", "bearer"])
async def test_five_wrong_passwords_slow_an_address_down(session: aiohttp.ClientSession, lock: Lock, way: str) -> None:
    """429 with the time to wait, even for the right password; tokens and sessions go on."""
    wrong = basic("wrong") if way == "basic" else bearer("wrong")

    async def guess() -> tuple[int, str | None]:
        if way == "form":
            answer = await _login(session, "wrong")
            return answer.status, answer.headers.get("Retry-After")
        async with session.get("api/status", headers=wrong) as answer:
            return answer.status, answer.headers.get("Retry-After")

    for _ in range(FREE_TRIES):
        assert (await guess())[0] == 401
    status, wait = await guess()
    assert status == 429
    assert wait is not None
    assert 1 <= int(wait) <= 2
    assert (await _login(session, PASSWORD)).status == 429
    assert await _status(session, "GET /api/status", bearer(lock.view)) == 200
    async with asyncio.timeout(PATIENCE):
        while True:
            if (await _login(session, PASSWORD)).status == 303:
                return
            await asyncio.sleep(0.1)


async def test_passwords_that_come_at_once_do_not_pile_up(lock: Lock, service: Running) -> None:
    """Nor do they hold up the service: what cannot be tried soon is told to come again."""
    lock.change(lock.keys.with_password("control", hash_password(PASSWORD)))  # as dear as a real one
    async with asyncio.timeout(PATIENCE):
        while True:
            if service.context.access.keys == lock.keys:
                break
            await asyncio.sleep(0.05)

    async def guess(number: int) -> str:
        try:
            await service.context.access.by_password("wrong", f"10.0.0.{number}")
        except Exception as error:
            return type(error).__name__
        return "let in"

    answers = await asyncio.gather(*(guess(number) for number in range(20)))
    assert answers.count("LoginNeeded") == 8
    assert answers.count("LimitReached") == 12


async def test_a_tool_that_says_its_password_each_time_is_quick(
    service: Running, session: aiohttp.ClientSession
) -> None:
    """It is tried once, and known from then on, in memory; but not for ever: see the change of passwords."""
    tried = service.context.access.throttle
    before = len(tried)
    for _ in range(20):
        assert await _status(session, "GET /api/status", basic(LOOK)) == 200
    assert len(tried) == before


@pytest.mark.parametrize(
    "shown", ["", "Basic", "Basic !!!", "Basic " + "A" * 3000, "Bearer", "Bearer ", "Digest x", "bearer \x80"]
)
async def test_an_authorization_that_is_none_is_a_401(session: aiohttp.ClientSession, shown: str) -> None:
    """With both ways that there are, and a reason."""
    async with session.get("api/status", headers={"Authorization": shown}) as answer:
        assert answer.status == 401
        ways = answer.headers.getall("WWW-Authenticate")
        assert [way.split()[0] for way in ways] == ["Basic", "Bearer"]
        assert (await answer.json())["error"]["code"] == "login-needed"


async def test_a_foreign_page_cannot_log_anybody_in_or_out(session: aiohttp.ClientSession) -> None:
    """Else it could have a visitor act under a login of its own."""
    for path in ("login", "logout"):
        async with session.post(path, data={"password": PASSWORD}, headers={"Origin": "http://evil.example"}) as answer:
            assert answer.status == 403
            assert "Set-Cookie" not in answer.headers


# --- what ends


@pytest.mark.parametrize("way", ["session", "basic", "token"])
async def test_a_change_ends_what_it_let_in_open_websockets_and_streams_included(
    service: Running, session: aiohttp.ClientSession, lock: Lock, way: str
) -> None:
    """Within a second or so; who was let in by something else notices nothing."""
    grant = lock.keys.by_password(PASSWORD)
    assert grant is not None
    cookie = {"Cookie": f"pi-stream-session={lock.keys.session(grant, time.time())}"}
    gone = {"session": cookie, "basic": basic(PASSWORD), "token": bearer(lock.control)}[way]
    async with (
        service.socket(additional_headers=gone) as ends,
        service.socket(path="ws/text", additional_headers=gone) as text_ends,
        service.socket(additional_headers=bearer(lock.view)) as stays,
        session.get("stream.mjpg", headers=gone) as stream,
        session.get("stream.mjpg", headers=bearer(lock.view)) as other,
    ):
        changed = lock.keys.without_token("script") if way == "token" else None
        lock.change(changed or lock.keys.with_password("control", hash_password("another one", n=2)))
        async with asyncio.timeout(PATIENCE):
            for connection in (ends, text_ends):
                with pytest.raises(websockets.ConnectionClosed) as closed:
                    await _drain(connection)
                assert closed.value.rcvd is not None
                assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "the login has ended")
            await _to_its_end(stream)
        assert await _status(session, "GET /api/status", gone) == 401
        await say(stays, "ping", sent=1)
        await messages_until(stays, "pong")
        assert await asyncio.wait_for(other.content.readany(), PATIENCE)
        assert service.context.viewers.present != ()


async def _drain(connection: websockets.ClientConnection) -> None:
    while True:
        await connection.recv()


async def _to_its_end(stream: aiohttp.ClientResponse) -> None:
    """Read until the connection is cut, or the answer ends."""
    with contextlib.suppress(aiohttp.ClientError):
        while await stream.content.readany():
            pass


async def test_a_damaged_file_lets_nobody_in_and_a_whole_one_does_again(
    service: Running, session: aiohttp.ClientSession, lock: Lock, caplog: pytest.LogCaptureFixture
) -> None:
    """Said in the log, in a sentence."""
    whole = lock.file.read_bytes()
    for data, status in ((whole[:50], 401), (whole, 200)):
        lock.file.write_bytes(data)
        async with asyncio.timeout(PATIENCE):
            while await _status(session, "GET /api/status", bearer(lock.view)) != status:
                service.context.access.throttle.succeeded("127.0.0.1", all_is_right=True)
                await asyncio.sleep(0.05)
    assert "no password or token is valid now" in caplog.text
    assert "Traceback" not in caplog.text


async def test_a_damaged_file_at_the_start_is_told_at_once(tmp_path: Path) -> None:
    """Rather than a camera that is open, or one that nobody can open."""
    (tmp_path / store.NAME).write_text("{")
    with pytest.raises(ExceptionGroup) as told:
        async with running(tmp_path, *LOCKED):
            pass
    assert told.group_contains(SettingError, match="damaged")


async def test_without_any_password_the_form_says_what_to_do(tmp_path: Path) -> None:
    """Nobody is let in, and the password that is set then counts without a restart."""
    async with running(tmp_path, *LOCKED) as service, http(service) as session:
        async with session.get("login") as answer:
            assert "pi-stream password" in await answer.text()
        assert (await _login(session, "")).status == 401
        lock = Lock(tmp_path)
        async with asyncio.timeout(PATIENCE):
            while await _status(session, "GET /api/status", bearer(lock.view)) != 200:
                service.context.access.throttle.succeeded("127.0.0.1", all_is_right=True)
                await asyncio.sleep(0.05)


# --- links


async def test_a_link_shows_its_picture_for_a_while_and_nothing_else(
    service: Running, session: aiohttp.ClientSession, lock: Lock
) -> None:
    """For an <img> on a page of one's own; its query is as it was."""
    body = {"path": "/snapshot.jpg?width=160&access=old", "seconds": 60}
    async with session.post("api/links", json=body, headers=bearer(lock.control)) as answer:
        assert answer.status == 201
        link = (await answer.json())["path"]
    assert link.startswith("/snapshot.jpg?width=160&access=")
    assert await _status(session, f"GET {link}", {}) == 200
    for other in ("/stream.mjpg", "/snapshot.png", "/api/status", "/ws"):
        assert await _status(session, f"GET {link.replace('/snapshot.jpg', other)}", {}) == 401
    assert await _status(session, f"GET {link[:-1]}", {}) == 401
    service.context.access.now = lambda: 9e9
    assert await _status(session, f"GET {link}", {}) == 401


async def test_a_stream_ends_with_its_link(service: Running, session: aiohttp.ClientSession, lock: Lock) -> None:
    """It was for a while."""
    async with session.post(
        "api/links", json={"path": "stream.mjpg", "seconds": 2}, headers=bearer(lock.control)
    ) as made:
        link = (await made.json())["path"]
    async with session.get(link[1:]) as stream:
        assert stream.status == 200
        async with asyncio.timeout(PATIENCE):
            await _to_its_end(stream)
    assert service.context.viewers.count == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"path":"/"}',
        b'{"path":"/api/status"}',
        b'{"path":"http://evil.example/stream.mjpg"}',
        b'{"path":"//evil.example/stream.mjpg"}',
        b'{"path":"http://["}',
        b'{"path":"/stream.mjpg","seconds":0}',
        b'{"path":"/stream.mjpg","seconds":604801}',
        b'{"path":"/stream.mjpg","for":"me"}',
    ],
)
async def test_a_link_to_anything_else_is_refused(session: aiohttp.ClientSession, lock: Lock, body: bytes) -> None:
    """With a reason."""
    async with session.post("api/links", data=body, headers=bearer(lock.control)) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["message"].startswith("links")


# --- the Python viewer


async def test_the_python_viewer_logs_in(service: Running, lock: Lock) -> None:
    """With a token, a password, or a password in the address; and hears what is missing without."""
    url = service.url
    for viewer in (pi_stream.connect(url, token=lock.view), pi_stream.connect(url, password=LOOK)):
        async with viewer as camera:
            assert camera.welcome.may == ("view",)
            with pytest.raises(Forbidden, match="the right to control"):
                await camera.put_caption("hello")
    named = url.replace("http://", "http://me:change%20everything@")
    async with pi_stream.connect(named, accept=()) as camera:
        assert (await camera.put_caption("hello")).text == "hello"
    with pytest.raises(Disconnected, match="this needs the right to view: log in"):
        await pi_stream.connect(url).__aenter__()
    with pytest.raises(Disconnected, match="this password is not right") as told:
        await pi_stream.connect(url.replace("http://", "http://me:secret@")).__aenter__()
    assert "secret" not in str(told.value)
