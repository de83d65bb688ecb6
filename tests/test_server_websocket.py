"""/ws on a real socket, spoken to by another library: every message type, good and bad."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import websockets

from pi_stream import __version__
from pi_stream.protocol import parse_packet
from pi_stream.sources.synthetic.pattern import read_seq
from tests.running import PATIENCE, Running, messages_until, next_frame, running, say


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as service:
        yield service


async def _answer(connection: websockets.ClientConnection, kind: str, **fields: object) -> dict[str, Any]:
    """What this message is answered with."""
    await say(connection, kind, id="q1", **fields)
    return await messages_until(connection, "error", "ok", re="q1")


async def test_the_first_message_is_welcome_and_says_what_there_is(service: Running) -> None:
    """Version, name, encodings, source, captions, viewers, and the fields of captions."""
    async with service.socket() as connection:
        welcome = json.loads(await connection.recv())
    assert welcome["type"] == "welcome"
    assert welcome["version"] == __version__
    assert welcome["host"] == socket.gethostname()
    assert welcome["encodings"] == ["jpeg", "png", "i420", "rgba"]
    assert welcome["captions"] == []
    assert {"id": welcome["you"], "name": ""} in welcome["viewers"]
    source = welcome["source"]
    assert (source["kind"], source["online"], source["reason"]) == ("synthetic", True, None)
    assert (source["width"], source["height"]) == (320, 180)
    assert "settings" in source["why"]
    assert {"name": "fps", "insert": "{fps}", "title": "Frame rate", "example": "30"} in welcome["fields"]


async def test_the_subprotocol_is_selected_when_it_is_asked_for(service: Running) -> None:
    """And nobody must ask."""
    async with service.socket(subprotocols=["pi-stream.v1"]) as connection:
        assert connection.subprotocol == "pi-stream.v1"
    async with service.socket() as connection:
        assert connection.subprotocol is None


@pytest.mark.parametrize("encoding", ["jpeg", "png", "i420", "rgba"])
async def test_watch_is_answered_and_frames_of_that_encoding_come(service: Running, encoding: str) -> None:
    """First what the pictures are, then pictures; each carries the number that is burnt into it."""
    async with service.socket() as connection:
        await say(connection, "watch", accept=["h264", encoding], id=1)
        watching = await messages_until(connection, "watching")
        assert watching == {
            "type": "watching",
            "encoding": encoding,
            "width": 320,
            "height": 180,
            "fps": 30,
            "quality": 80 if encoding == "jpeg" else None,
        }
        assert await messages_until(connection, "ok", re=1)
        packet, sent = parse_packet(await next_frame(connection))
    assert (packet.encoding, packet.width, packet.height, packet.key) == (encoding, 320, 180, True)
    assert packet.captured <= sent
    sizes = {"i420": 320 * 180 * 3 // 2, "rgba": 320 * 180 * 4}
    assert len(packet.data) == sizes.get(encoding, len(packet.data))
    if encoding == "i420":
        import numpy as np

        from pi_stream.media.frame import Frame

        frame = Frame(np.frombuffer(packet.data, np.uint8).copy(), 320, 180, 0, 0)
        assert read_seq(frame.y) == packet.seq


async def test_size_quality_and_rate_are_as_asked(service: Running) -> None:
    """`width` and `fps` are bounds, `quality` is JPEG's; asking again changes what comes."""
    async with service.socket() as connection:
        await say(connection, "watch", accept=["jpeg"], width=160, quality=30, fps=10)
        watching = await messages_until(connection, "watching")
        assert (watching["width"], watching["height"], watching["fps"], watching["quality"]) == (160, 90, 10, 30)
        small = await next_frame(connection)
        await say(connection, "watch", accept=["jpeg"], width=9999, quality="auto", fps=500)
        watching = await messages_until(connection, "watching")
        assert (watching["width"], watching["fps"], watching["quality"]) == (320, 30, 80)
        while (large := parse_packet(await next_frame(connection))[0]).width == 160:
            pass
    assert parse_packet(small)[0].width == 160
    assert len(large.data) > len(small)


async def test_an_encoding_that_is_not_here_is_refused_with_both_lists(service: Running) -> None:
    """The viewer learns what it could have."""
    async with service.socket() as connection:
        error = await _answer(connection, "watch", accept=["h264", "webp"])
    assert error["code"] == "unsupported"
    for word in ("h264", "webp", "jpeg", "png", "i420", "rgba"):
        assert word in error["message"]


async def test_with_acks_no_more_than_the_window_is_ever_on_its_way(service: Running) -> None:
    """Without an ack two frames come and no third; the ack brings the next, and it is a newer one."""
    async with service.socket() as connection:
        await say(connection, "watch", accept=["jpeg"], acks=True, window=2)
        first = parse_packet(await next_frame(connection))[0].seq
        second = parse_packet(await next_frame(connection))[0].seq
        assert second > first
        # Three stats are two seconds: sixty frames that did not come.
        for _ in range(3):
            message = await asyncio.wait_for(connection.recv(), PATIENCE)
            while isinstance(message, str) and json.loads(message)["type"] != "stats":
                message = await asyncio.wait_for(connection.recv(), PATIENCE)
            assert isinstance(message, str), "a frame came beyond the window"
        stats = json.loads(message)
        assert stats["dropped"] > 20
        await say(connection, "ack", seq=second)
        third = parse_packet(await next_frame(connection))[0].seq
        assert third > second + 20


async def test_unwatch_stops_the_pictures_and_keeps_the_connection(service: Running) -> None:
    """Nothing is encoded any more, and the viewer may still talk."""
    async with service.socket() as connection:
        await say(connection, "watch", accept=["jpeg"])
        await next_frame(connection)
        await say(connection, "unwatch", id="u")
        await messages_until(connection, "ok", re="u")
        assert service.stream.hub.channels == ()
        await say(connection, "ping", sent=1)
        assert (await messages_until(connection, "pong"))["sent"] == 1


async def test_ping_is_answered_with_the_same_number_and_the_frames_clock(service: Running) -> None:
    """The clock of `pong` is the one of `captured`, and UTC is beside it."""
    async with service.socket() as connection:
        await say(connection, "watch", accept=["jpeg"])
        captured = parse_packet(await next_frame(connection))[0].captured
        await say(connection, "ping", sent=12.5, id=3)
        pong = await messages_until(connection, "pong")
    assert pong["sent"] == 12.5
    assert 0 <= pong["clock"] - captured < PATIENCE * 1e6
    assert pong["utc"].endswith("Z")


async def test_a_caption_reaches_every_viewer_and_can_be_replaced_and_deleted(service: Running) -> None:
    """The whole overlay is told after each change; the answer carries the caption as it became."""
    async with service.socket() as one, service.socket() as other:
        await say(one, "name", name="Aki")
        await say(one, "caption.put", id="q1", caption={"text": "Garage {time:%H:%M}", "x": 0.5})
        caption = (await messages_until(one, "ok", re="q1"))["caption"]
        assert caption["by"] == "Aki"
        assert (caption["text"], caption["x"], caption["size"]) == ("Garage {time:%H:%M}", 0.5, 0.05)
        assert (await messages_until(other, "captions"))["captions"] == [caption]

        await say(other, "caption.put", caption={"id": caption["id"], "text": "Kitchen"})
        (changed,) = (await messages_until(other, "captions"))["captions"]
        assert (changed["id"], changed["text"]) == (caption["id"], "Kitchen")

        await say(one, "caption.delete", id=caption["id"])
        assert (await messages_until(one, "captions", captions=[]))["captions"] == []
        assert (await messages_until(one, "ok", re=caption["id"]))["re"] == caption["id"]


async def test_who_connects_later_is_welcomed_with_the_captions(service: Running) -> None:
    """The overlay is part of the welcome."""
    async with service.socket() as one:
        await say(one, "caption.put", caption={"text": "hello"})
        await messages_until(one, "captions")
        async with service.socket() as other:
            welcome = await messages_until(other, "welcome")
    assert [caption["text"] for caption in welcome["captions"]] == ["hello"]


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ({"text": "x", "size": "big"}, 'captions.size: expected a number from 0.01 to 1, got "big"'),
        ({"text": ""}, "captions.text: "),
        ({}, "captions.text: "),
        ({"text": "{tmie}"}, "tmie"),
        ({"text": "x", "anchor": "middle"}, "captions.anchor: "),
        ({"text": "x", "color": "red; drop table"}, "captions.color: "),
        ({"text": "x", "id": "../../etc/passwd"}, "captions.id: "),
        ({"text": "x", "ttl": -1}, "captions.ttl: "),
        ({"text": "a\u0000b"}, "captions.text: "),
    ],
)
async def test_a_bad_caption_is_refused_with_what_was_wrong_where(
    service: Running, caption: dict[str, object], words: str
) -> None:
    """And nothing is put."""
    async with service.socket() as connection:
        error = await _answer(connection, "caption.put", caption=caption)
    assert error["code"] == "bad-message"
    assert words in error["message"]
    assert service.stream.captions.all == ()


async def test_deleting_a_caption_that_is_not_there_is_refused(service: Running) -> None:
    """The error names it."""
    async with service.socket() as connection:
        await say(connection, "caption.delete", id="c99")
        error = await messages_until(connection, "error")
    assert (error["code"], error["re"]) == ("not-found", "c99")
    assert "c99" in error["message"]


async def test_the_conversation_reaches_everybody_this_one_too(service: Running) -> None:
    """With who said it and when."""
    async with service.socket() as one, service.socket() as other:
        me = (await messages_until(one, "welcome"))["you"]
        await say(one, "name", name="Aki")
        await say(one, "say", text="hello <b>there</b>")
        for connection in (one, other):
            said = await messages_until(connection, "said")
            assert (said["from"], said["name"], said["text"]) == (me, "Aki", "hello <b>there</b>")
            assert said["at"].endswith("Z")


async def test_everybody_hears_who_comes_is_renamed_and_goes(service: Running) -> None:
    """The list of viewers is told after any change."""
    async with service.socket() as one:
        me = (await messages_until(one, "welcome"))["you"]
        async with service.socket() as other:
            you = (await messages_until(other, "welcome"))["you"]
            both = [{"id": me, "name": ""}, {"id": you, "name": ""}]
            assert (await messages_until(one, "viewers"))["viewers"] == both
            await say(other, "name", name="Bo")
            both[1]["name"] = "Bo"
            assert (await messages_until(one, "viewers"))["viewers"] == both
        assert (await messages_until(one, "viewers"))["viewers"] == both[:1]


async def test_controls_are_refused_by_a_source_that_has_none(service: Running) -> None:
    """A synthetic picture has no exposure time."""
    async with service.socket() as connection:
        error = await _answer(connection, "controls", controls={"ExposureTime": 1000})
    assert error["code"] == "unsupported"
    assert "synthetic" in error["message"]


async def test_stats_come_once_a_second_with_everything_that_is_known(service: Running) -> None:
    """And what is not known is null, not missing."""
    async with service.socket() as connection:
        await say(connection, "watch", accept=["jpeg"])
        await messages_until(connection, "stats")
        stats = await messages_until(connection, "stats")
    assert set(stats) == {
        "type", "source_fps", "fps", "dropped", "age_ms", "bytes_per_second", "viewers",
        "cpu_percent", "memory_mb", "temperature_c", "throttled",
    }  # fmt: skip
    assert stats["fps"] > 0
    assert stats["age_ms"] > 0
    assert stats["bytes_per_second"] > 1000
    assert stats["viewers"] == 1
    assert stats["memory_mb"] > 10


BAD = ["hello", "[]", "{}", '{"type":"dance"}', '{"type":"ack","seq":"x"}', '{"type":"watch","accept":[]}', ""]


@pytest.mark.parametrize("text", BAD)
async def test_a_bad_message_is_answered_and_the_connection_goes_on(service: Running, text: str) -> None:
    """Nothing silently vanishes."""
    async with service.socket() as connection:
        await connection.send(text)
        error = await messages_until(connection, "error")
        assert error["code"] == "bad-message"
        assert error["message"]
        assert "re" not in error
        await say(connection, "ping", sent=1)
        await messages_until(connection, "pong")


async def test_a_binary_message_from_a_viewer_is_a_bad_message(service: Running) -> None:
    """Viewers send text."""
    async with service.socket() as connection:
        await connection.send(b"\x00\x01")
        assert "binary" in (await messages_until(connection, "error"))["message"]


async def test_more_than_twenty_bad_messages_in_ten_seconds_end_the_connection(service: Running) -> None:
    """Twenty are answered; the next one closes with 1008."""
    async with service.socket() as connection:
        for _ in range(20):
            await connection.send("bad")
        for _ in range(20):
            await messages_until(connection, "error")
        await say(connection, "ping", sent=1)
        await messages_until(connection, "pong")
        await connection.send("bad")
        await asyncio.wait_for(connection.wait_closed(), PATIENCE)
        assert connection.close_code == 1008


@pytest.mark.parametrize(("size", "code"), [(65_536, None), (65_537, 1009), (1_000_000, 1009)])
async def test_a_message_over_64_kib_ends_the_connection(service: Running, size: int, code: int | None) -> None:
    """The limit itself is still a message, if a bad one."""
    async with service.socket() as connection:
        await messages_until(connection, "welcome")
        await connection.send(" " * size)
        if code is None:
            assert (await messages_until(connection, "error"))["code"] == "bad-message"
        else:
            await asyncio.wait_for(connection.wait_closed(), PATIENCE)
            assert connection.close_code == code


async def test_a_refused_handshake_is_a_status_with_a_json_reason(service: Running) -> None:
    """Plain HTTP at /ws, and a page of a foreign site."""
    import aiohttp

    async with aiohttp.ClientSession() as session, session.get(service.url + "ws") as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["message"]
    for origin in ("http://evil.example", "null"):
        with pytest.raises(websockets.InvalidStatus) as caught:
            await service.socket(origin=websockets.Origin(origin)).__aenter__()
        response = caught.value.response
        assert response.status_code == 403
        assert json.loads(response.body or b"")["error"]["code"] == "foreign-origin"


async def test_the_services_own_page_may_connect(service: Running) -> None:
    """Its origin is the address under which it was asked for."""
    async with service.socket(origin=websockets.Origin(service.url.rstrip("/"))) as connection:
        await messages_until(connection, "welcome")


async def test_one_viewer_too_many_is_told_to_come_back(tmp_path: Path) -> None:
    """503 with the setting that says how many."""
    async with running(tmp_path, "stream.max_viewers=1") as service, service.socket() as connection:
        await messages_until(connection, "welcome")
        with pytest.raises(websockets.InvalidStatus) as caught:
            await service.socket().__aenter__()
        response = caught.value.response
        assert response.status_code == 503
        assert response.headers["Retry-After"] == "10"
        assert "max_viewers" in json.loads(response.body or b"")["error"]["message"]


async def test_a_stopping_service_says_goodbye(tmp_path: Path) -> None:
    """Every viewer gets 1001."""
    async with running(tmp_path) as service:
        connection = await service.socket().__aenter__()
        await say(connection, "watch", accept=["jpeg"])
        await next_frame(connection)
    await asyncio.wait_for(connection.wait_closed(), PATIENCE)
    assert connection.close_code == 1001
    assert "stopping" in (connection.close_reason or "")


async def test_viewers_that_vanish_leave_nothing_behind(service: Running) -> None:
    """However they go, their subscription and their place in the list go with them."""
    connections = [await service.socket().__aenter__() for _ in range(5)]
    for connection in connections:
        await say(connection, "watch", accept=["jpeg"])
        await next_frame(connection)
    assert len(service.context.viewers) == 5
    for connection in connections:
        connection.transport.abort()
    async with asyncio.timeout(PATIENCE), service.socket() as last:
        while (await messages_until(last, "welcome", "viewers"))["viewers"][1:]:
            pass
        assert service.stream.hub.channels == ()
        assert len(service.context.viewers) == 1
