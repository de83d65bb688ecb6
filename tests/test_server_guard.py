"""Who is meant (Host) and on whose behalf (Origin): asked of every request, on a real socket."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from time import perf_counter

import pytest

from pi_stream.server.app import application
from pi_stream.server.security.host_names import Names, host_name, own_names, searched
from tests.running import PATIENCE, Running, running

HANDSHAKE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
KEY = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # RFC 6455, clause 1.3
EVIL = "http://evil.example"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path, 'server.hosts=["cam.example.org"]', 'server.origins=["http://home.lan"]') as service:
        yield service


async def _ask(service: Running, line: str, *headers: str) -> tuple[int, str]:
    """One request, written by hand: its status, and the code of its error, if any."""
    port = int(service.url.rstrip("/").rpartition(":")[2])
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write("\r\n".join([line, *headers, "Connection: close", "", ""]).encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            body = b"" if "multipart" in head or " 101 " in head else await reader.read()
        finally:
            writer.close()
    status = int(head.split()[1])
    error = json.loads(body)["error"]["code"] if body.startswith(b'{"error"') else ""
    return status, error


def _lines(headers: dict[str, str]) -> list[str]:
    return [f"{name}: {value}" for name, value in headers.items()]


def _routes(service: Running) -> list[tuple[str, str]]:
    """(method, path) of every route there is, out of the router itself."""
    router = application(service.context).router
    found = [(route.method, route.resource) for route in router.routes() if route.resource is not None]
    return sorted({(method, resource.canonical.replace("{id}", "c1")) for method, resource in found})


OURS = ["localhost", "LOCALHOST:8000", "localhost.", "127.0.0.1:1", "10.1.2.3", "[::1]", "[fe80::1]:8000", "[::1]:"]
OURS += [socket.gethostname(), f"{socket.gethostname()}.local:8000", f"{socket.gethostname()}-2.local"]
OURS += ["cam.example.org", "Cam.Example.org:443"]
THEIRS = ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "xn--evil.local"]
THEIRS += [
    "cam.example.org.evil.example",
    "a.cam.example.org",
    "",
    " ",
    ":8000",
    "[evil.example]",
    "[::1",
    "::1",
    "[127.0.0.1]",
]
THEIRS += [
    "localhost:80:80",
    "localhost/",
    "evil@localhost",
    "a" * 300,
    "localhost:123456",
    "0x7f000001.com",
    "%6cocalhost",
]


@pytest.mark.parametrize("host", OURS)
async def test_a_request_that_names_this_machine_is_answered(service: Running, host: str) -> None:
    """By any of its names, in any case, by any address, with any port."""
    assert await _ask(service, "GET /healthz HTTP/1.1", f"Host: {host}") == (200, "")


@pytest.mark.parametrize("host", THEIRS)
async def test_a_request_for_another_machine_is_misdirected(service: Running, host: str) -> None:
    """421, whatever it looks like: a stranger's name may point here."""
    assert await _ask(service, "GET /healthz HTTP/1.1", f"Host: {host}") == (421, "wrong-host")


async def test_every_route_asks_for_the_host_first(service: Running) -> None:
    """Websockets, streams, what does not exist and what is not allowed, too."""
    routes = _routes(service)
    assert len(routes) > 30
    for method, path in [*routes, ("GET", "/nothing"), ("PATCH", "/ws"), ("OPTIONS", "/")]:
        headers = ["Host: evil.example", "Content-Length: 0"]
        assert await _ask(service, f"{method} {path} HTTP/1.1", *headers) in ((421, "wrong-host"), (421, "")), path
    for path in ("/ws", "/ws/text"):
        answer = await _ask(service, f"GET {path} HTTP/1.1", "Host: evil.example", *_lines({**HANDSHAKE, **KEY}))
        assert answer == (421, "wrong-host")


@pytest.mark.parametrize(
    ("line", "headers", "status"),
    [
        ("GET /healthz HTTP/1.1", [], 400),
        ("GET /healthz HTTP/1.0", [], 400),
        ("GET /healthz HTTP/1.1", ["Host: localhost", "Host: evil.example"], 400),
        ("GET http://evil.example/healthz HTTP/1.1", ["Host: localhost"], 421),
        ("GET http://localhost/healthz HTTP/1.1", ["Host: evil.example"], 421),
        ("GET http://localhost/healthz HTTP/1.1", ["Host: localhost"], 200),
        (
            "GET /healthz HTTP/1.1",
            ["Host: evil.example", "X-Forwarded-Host: localhost", "Forwarded: host=localhost"],
            421,
        ),
    ],
)
async def test_a_host_that_is_missing_double_or_contradicted_is_refused(
    service: Running, line: str, headers: list[str], status: int
) -> None:
    """Nothing that a page could send stands in for it."""
    assert (await _ask(service, line, *headers))[0] == status


async def test_the_refusal_names_the_setting(service: Running) -> None:
    """Whoever gave the machine another name reads what to do."""
    port = int(service.url.rstrip("/").rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: garage.example\r\nConnection: close\r\n\r\n")
    answer = (await asyncio.wait_for(reader.read(), PATIENCE)).decode()
    writer.close()
    assert "garage.example" in answer
    assert "[server] hosts" in answer


ORIGINS: list[tuple[dict[str, str], bool]] = [
    ({}, True),
    ({"Origin": "http://localhost:8000"}, True),
    ({"Origin": "https://localhost:8000"}, True),
    ({"Origin": "http://LOCALHOST:8000"}, True),
    ({"Origin": "http://home.lan"}, True),
    ({"Origin": "http://home.lan", "Sec-Fetch-Site": "cross-site"}, True),
    ({"Origin": "http://localhost:8000", "Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({"Origin": "null"}, False),
    ({"Origin": EVIL}, False),
    ({"Origin": "http://localhost"}, False),
    ({"Origin": "http://localhost:8001"}, False),
    ({"Origin": "ftp://localhost:8000"}, False),
    ({"Origin": "http://localhost:8000.evil.example"}, False),
    ({"Origin": "http://home.lan.evil.example"}, False),
    ({"Origin": ""}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Origin": "http://localhost:8000", "Sec-Fetch-Site": "cross-site"}, False),
]


@pytest.mark.parametrize(("headers", "right"), ORIGINS)
async def test_a_foreign_page_may_neither_change_anything_nor_open_a_websocket(
    service: Running, headers: dict[str, str], right: bool
) -> None:
    """Whichever of the two headers gives it away; pages of [server] origins, and scripts, may."""
    lines = ["Host: localhost:8000", *_lines(headers)]
    refused = (403, "foreign-origin")
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = await _ask(service, f"{method} /api/captions/c1 HTTP/1.1", *lines, "Content-Length: 0")
        assert (answer != refused) is right
    for path in ("/ws", "/ws/text"):
        answer = await _ask(service, f"GET {path} HTTP/1.1", *lines, *_lines({**HANDSHAKE, **KEY}))
        assert answer == ((101, "") if right else refused)
    assert (await _ask(service, "GET /snapshot.jpg HTTP/1.1", *lines))[0] == 200  # it can be shown, and not read


async def test_nothing_changes_by_a_get(service: Running) -> None:
    """Every route that answers GET is asked, with whatever could be taken for an order: all stays as it was."""
    context = service.context
    draft = b'{"text":"stays"}'
    port = int(service.url.rstrip("/").rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /api/captions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(draft) + draft)
    await asyncio.wait_for(reader.readuntil(b"}"), PATIENCE)
    writer.close()
    before = context.streams.first.captions.all
    assert [caption.text for caption in before] == ["stays"]
    paths = [path for method, path in _routes(service) if method == "GET"]
    paths += [path.replace("c1", before[0].id) for path in paths if "c1" in path]
    for path in paths:
        query = "?_method=DELETE&text=new&method=POST"
        body = ["X-HTTP-Method-Override: DELETE", "Content-Type: application/json", "Content-Length: 0"]
        await _ask(service, f"GET {path}{query} HTTP/1.1", "Host: localhost", *body)
    assert context.streams.first.captions.all == before
    assert context.viewers.count in (0, 1)  # the stream that was looked at may still be on its way out


# --- the names themselves


def _names(hosts: dict[str, str], now: Callable[[], float], resolver: Path) -> Names:
    written = resolver.with_name("hostname")
    return Names(hostname=lambda: hosts["name"], now=now, resolver=resolver, written=written)


def test_names_are_asked_for_again_when_ten_seconds_have_passed(tmp_path: Path) -> None:
    """A machine is renamed, or gets another domain from its router, while the service runs."""
    resolver, hosts, time = tmp_path / "resolv.conf", {"name": "pi"}, [100.0]
    names = _names(hosts, lambda: time[0], resolver)
    assert names.include("pi")
    assert not names.include("pi.fritz.box")
    resolver.write_text("# by NetworkManager\nsearch fritz.box\nnameserver 192.168.1.1\n")
    hosts["name"] = "garage"
    assert not names.include("garage.fritz.box")
    time[0] += 10
    assert names.include("garage.fritz.box:8000")
    assert names.include("garage.local")
    assert not names.include("pi")


def test_a_service_that_systemd_keeps_the_new_name_from_reads_it(tmp_path: Path) -> None:
    """Its own host name stays what it was at its start; the machine's is in /etc/hostname."""
    time = [100.0]
    names = _names({"name": "pi"}, lambda: time[0], tmp_path / "resolv.conf")
    assert names.include("pi.local")
    (tmp_path / "hostname").write_text("Garage\n")
    time[0] += 10
    assert names.include("garage.local")
    assert names.include("pi.local")


def test_a_machine_without_a_name_is_still_localhost(tmp_path: Path) -> None:
    """And not whatever begins with a dot."""
    assert own_names("", ["lan"]) == {"localhost"}
    assert not _names({"name": ""}, lambda: 0.0, tmp_path / "none").include(".local")


def test_the_domains_of_the_network_are_read_as_resolv_conf_has_them(tmp_path: Path) -> None:
    """`search` with several, `domain` with one, comments and nonsense passed over; at most six, as in the C library."""
    file = tmp_path / "resolv.conf"
    file.write_bytes(
        b"; x\n#search no\nsearch a b c d e f g\ndomain h.i.\n\nsearch\noptions rotate\n\xff\xfe search z\n"
    )
    assert searched(file) == ("a", "b", "c", "d", "e", "f", "h.i.")
    assert searched(tmp_path / "none") == ()


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("A.b:80", "a.b"),
        ("[::1]:80", "::1"),
        ("[::1]", "::1"),
        ("a..b", None),
        ("-a", None),
        ("a b", None),
        ("a:b", None),
    ],
)
def test_the_name_in_a_host_header(host: str, name: str | None) -> None:
    """Without the port and the brackets; nothing where it is no name."""
    assert host_name(host) == name


def test_to_ask_for_the_host_costs_next_to_nothing(record_property: Callable[[str, object], None]) -> None:
    """Microseconds for a request; the bound is generous, the number is in the report."""
    names, times = Names(), 20_000
    for host in ("192.168.1.20:8000", "localhost:8000", "evil.example"):
        names.include(host)
        begin = perf_counter()
        for _ in range(times):
            names.include(host)
        each = (perf_counter() - begin) / times * 1e6
        record_property(f"microseconds for {host}", round(each, 2))
        assert each < 200


async def test_a_page_of_ours_may_ask_by_a_whole_address(service: Running) -> None:
    """As through a proxy: its Origin has the port, and so has the address in the request line."""
    url = service.url.rstrip("/")
    lines = [f"Host: {url.removeprefix('http://')}", f"Origin: {url}", "Content-Length: 0"]
    assert (await _ask(service, f"POST {url}/logout HTTP/1.1", *lines))[0] == 303
