"""What is fuzzed: each target reads bytes as the project does, and lets out what the project must not.

A target passes when the bytes are understood, or refused by the error that is meant for it. Some check more: that two
ways to read the same bytes agree, or that what was accepted can be used.
"""

import asyncio
import contextlib
import itertools
import re
import socket
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import msgspec
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from deploy.image import answers
from pi_stream import protocol
from pi_stream.auth import store
from pi_stream.auth.credentials import Credentials
from pi_stream.captions import state_file
from pi_stream.captions.caption import caption_from
from pi_stream.captions.template import parse_template
from pi_stream.client.address import websocket_url
from pi_stream.client.received_packet import ReceivedPacket
from pi_stream.config import files as config_files
from pi_stream.config import migrations
from pi_stream.config.settings import AuthSettings
from pi_stream.errors import BadMessage, NotFound, SettingError, SourceUnavailable
from pi_stream.features import CONFIG
from pi_stream.features.webhook.sender import NotDelivered, Sender, place
from pi_stream.features.webhook.settings import WebhookSettings
from pi_stream.overlay import render_text
from pi_stream.server.http.snapshots import PictureQuery, StreamQuery
from pi_stream.server.route import RouteTable
from pi_stream.server.routes import all_routes
from pi_stream.server.security.access import Access, LoginNeeded
from pi_stream.server.security.host_names import Names, host_name, is_address
from pi_stream.server.websocket.text_pictures import TextQuery
from pi_stream.sources.convert import Converter
from pi_stream.sources.films.film import laps, probe
from pi_stream.sources.films.y4m import y4m_laps
from pi_stream.stream import Stream, Streams
from tests.reading import Reading
from tests.receivers import raw_receiver

_folder = TemporaryDirectory(prefix="pi-stream-fuzz-")
_NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
_MOVED = {"camera.speed": "camera.fps", "server.name": None, "camera.film": "stream.film", "stream.q": "stream.quality"}


def _file(data: bytes, name: str) -> Path:
    path = Path(_folder.name) / name
    path.write_bytes(data)
    return path


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


def frame(data: bytes) -> None:
    """A binary message of a service, and the picture in it."""
    with contextlib.suppress(BadMessage):
        packet, sent = protocol.parse_packet(data)
        rebuilt = protocol.serialize_header(packet, sent)
        assert rebuilt[8:] == data[8:32]
        received = ReceivedPacket(
            packet.encoding, packet.data, packet.width, packet.height, packet.seq, packet.captured, sent=sent
        )
        assert received.image().shape == (packet.height, packet.width, 3)


def request(data: bytes) -> None:
    """A text message of a viewer; acknowledgements are read by two ways."""
    ack = protocol.parse_ack(data)
    try:
        found = protocol.parse_request(data.decode())
    except (BadMessage, UnicodeDecodeError):
        assert ack is None
        return
    if ack is not None:
        assert found == protocol.Ack(seq=ack)
    protocol.serialize(found)


def reply(data: bytes) -> None:
    """A text message of a service."""
    with contextlib.suppress(BadMessage, UnicodeDecodeError):
        protocol.parse_reply(data.decode())


def caption(data: bytes) -> None:
    """A caption of the HTTP API; what is accepted can be filled in, kept and told."""
    with contextlib.suppress(BadMessage):
        accepted = caption_from(protocol.parse_caption(data), "c1")
        assert len(parse_template(accepted.text).fill_in(_NOW, None)) <= 1000 * 200
        msgspec.json.encode(accepted)


def drawn(data: bytes) -> None:
    """A text that is drawn, as /ws/text takes it."""
    with contextlib.suppress(UnicodeDecodeError):
        assert render_text(data.decode()[:200], 64, 36).shape == (36, 64, 4)


def frames_of_a_viewer(data: bytes) -> None:
    """A websocket's bytes: how they are cut changes nothing, and little is held. The first says how they are cut."""
    if not data:
        return
    step, sent = data[0] % 31 + 1, data[1:]
    whole, cut = Reading(), Reading()
    whole.line.bring(sent)
    for at in range(0, len(sent), step):
        cut.line.bring(sent[at : at + step])
    assert (whole.seqs, whole.refusals, whole.behind.heard) == (cut.seqs, cut.refusals, cut.behind.heard)


def settings(data: bytes) -> None:
    """A file of settings, and the same as an assignment on the command line."""
    with contextlib.suppress(SettingError):
        config_files.load(_file(data, "config.toml"), kind=CONFIG)
    with contextlib.suppress(SettingError):
        config_files.load(Path("/dev/null"), [_text(data)], CONFIG)


def migration(data: bytes) -> None:
    """A file of settings that is brought up to date: what it says stays the same."""
    try:
        text = data.decode()
        before, said = migrations.current_names(config_files.parse(text), _MOVED)
        after, _ = migrations.rewrite(text, _MOVED)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, SettingError):
        return
    assert migrations.current_names(config_files.parse(after), _MOVED)[1] == []
    if said:
        kept = {name: keys for name, keys in config_files.parse(after).items() if keys}
        assert kept == {name: keys for name, keys in before.items() if keys}


def card_answers(data: bytes) -> None:
    """The answers for a card."""
    with contextlib.suppress(SettingError):
        answers.load(_file(data, "answers.toml"))


def captions_file(data: bytes) -> None:
    """The file of captions; one that is damaged is set aside."""
    state_file.load(_file(data, "captions.json"))


def auth_file(data: bytes) -> None:
    """The file of passwords and tokens."""
    with contextlib.suppress(SettingError):
        store.load(_file(data, "auth.json"))


_loop = asyncio.new_event_loop()
_tokens = Credentials(secret=bytes(32)).with_token("door", "view", "2026-01-31")[0]


def proofs(data: bytes) -> None:
    """What a request shows: in Authorization, in a cookie and in a link. None of it proves anything."""
    shown = data.decode("latin-1")
    access = Access(AuthSettings(mode="password"), Path(_folder.name) / "none.json")
    access.keys = _tokens
    for header, value, query in (
        ("Authorization", shown, {}),
        ("Cookie", shown, {}),
        ("Cookie", f"pi-stream-session={shown}", {}),
        ("Accept", "*/*", {"access": shown}),
    ):
        asked = SimpleNamespace(
            headers=CIMultiDict({header: value}), query=query, path="/stream.mjpg", remote="::1", transport=None
        )
        with contextlib.suppress(LoginNeeded, web.HTTPTooManyRequests):
            assert _loop.run_until_complete(access.grant(cast(Any, asked), linkable=True)).by is None


_names = Names(["cam.example.org"], hostname=lambda: "pi", resolver=Path("/dev/null"))


def host(data: bytes) -> None:
    """A Host header; a name that is known has no way around it."""
    text = data.decode("latin-1")
    if _names.include(text):
        name = host_name(text)
        assert name is not None
        assert name in _names.known or is_address(name) or re.fullmatch(r"pi-[0-9]{1,3}\.local", name)


def query(data: bytes) -> None:
    """The query of a picture."""
    pairs = dict(parse_qsl(data.decode("latin-1"), max_num_fields=None))
    for kind in (PictureQuery, StreamQuery, TextQuery):
        with contextlib.suppress(BadMessage):
            protocol.parse_query(pairs, kind)


_app = web.Application()
_table = RouteTable(all_routes(Path(__file__).parents[2] / "www"))
_table.add_to(_app)
_known = {"door": cast(Stream, None), "back-yard": cast(Stream, None)}
_streams = Streams()
_streams.put(_known)


def path(data: bytes) -> None:
    """The path of a request, with the name of a camera: it is found or not, and links open what they may."""
    text = data.decode("latin-1")
    try:
        url = URL(f"/{text}", encoded=True)
    except ValueError:
        return
    asked = SimpleNamespace(rel_url=url, method="GET")
    found = _loop.run_until_complete(_app.router.resolve(cast(Any, asked)))
    row = _table.row_of(cast(Any, SimpleNamespace(match_info=found)))
    assert (row is None) is (found.http_exception is not None)
    if row is not None and "camera" in found:
        assert row.camera or row.path == "/cameras/{camera}"
        with contextlib.suppress(NotFound):
            assert found["camera"] in _known or _streams[found["camera"]] is None
    if _table.linked(url.path) is not None:
        again = SimpleNamespace(rel_url=URL.build(path=url.path), method="GET")
        found = _loop.run_until_complete(_app.router.resolve(cast(Any, again)))
        row = _table.row_of(cast(Any, SimpleNamespace(match_info=found)))
        assert row is None or row.linkable


def address(data: bytes) -> None:
    """The address of a camera, as the Python viewer takes it: first the name of a camera, then the address."""
    name, _, url = _text(data).partition(" ")
    for camera in (None, name):
        with contextlib.suppress(BadMessage):
            found = websocket_url(url, camera)
            assert urlsplit(found).path.endswith("/ws")
            assert camera is None or urlsplit(found).path.endswith(f"/cameras/{camera}/ws")
            assert websocket_url(found, camera) == found


def film(data: bytes) -> None:
    """Any file as a film: its first pictures, converted."""
    path = str(_file(data, "film"))
    converter = Converter(64, 36, 0)
    with contextlib.suppress(SourceUnavailable), contextlib.closing(laps(path, 25)) as pictures:
        probe(path)
        for picture in itertools.islice(pictures, 3):
            assert converter.convert(cast(Any, picture.frame), picture.shape).shape == (64 * 36 * 3 // 2,)


def y4m(data: bytes) -> None:
    """Any file as a y4m of 4x2 pixels, past libav."""
    with (
        contextlib.suppress(SourceUnavailable),
        contextlib.closing(y4m_laps(str(_file(data, "film.y4m")), 12, 25)) as pictures,
    ):
        for picture in itertools.islice(pictures, 5):
            assert cast(Any, picture.frame)().shape == (12,)


def webhook_url(data: bytes) -> None:
    """A receiver's URL: one that the settings take is used, or refused at the start, and nothing else."""
    try:
        settings = config_files.load(Path("/dev/null"), [f"webhook.url={_text(data)}"], CONFIG).section(WebhookSettings)
        where = place(settings.url)
    except (SettingError, ValueError):
        return
    if settings.url:
        with contextlib.suppress(socket.gaierror):
            socket.getaddrinfo(urlsplit(where).hostname, urlsplit(where).port, flags=socket.AI_NUMERICHOST)
        with contextlib.suppress(ValueError):
            assert URL(settings.url).host is not None


def webhook_answer(data: bytes) -> None:
    """What a receiver answers: the message was delivered, or it was not."""

    async def send() -> None:
        async with raw_receiver(data) as (url, _), Sender(WebhookSettings(url=url)) as sender:
            with contextlib.suppress(NotDelivered):
                await sender.send(b"{}")

    asyncio.run(send())


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each
    for each in (
        frame, request, reply, caption, drawn, frames_of_a_viewer, settings, migration, card_answers, captions_file,
        auth_file, proofs, host, query, path, address, film, y4m, webhook_url,
        webhook_answer,
    )
}  # fmt: skip
