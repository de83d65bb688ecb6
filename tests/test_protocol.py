"""The wire: every message both ways, from the same literals; every bad one refused in words."""

import contextlib
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_stream import protocol
from pi_stream.captions.caption import Caption, CaptionDraft
from pi_stream.captions.fields import FIELD_INFOS
from pi_stream.errors import BadMessage, Unsupported
from pi_stream.media.encodings import ENCODINGS, Encoding
from pi_stream.media.frame import Packet
from pi_stream.media.source_state import SourceState

VECTORS = json.loads((Path(__file__).parent / "vectors" / "frames.json").read_text(encoding="utf-8"))
MESSAGES = json.loads((Path(__file__).parent / "vectors" / "messages.json").read_text(encoding="utf-8"))


def _packet(vector: dict[str, Any]) -> Packet:
    return Packet(
        vector["encoding"],
        bytes.fromhex(vector["payload"]),
        vector["width"],
        vector["height"],
        vector["seq"],
        vector["captured"],
        offline=vector["offline"],
        key=vector["key"],
        init=vector["init"],
    )


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["name"])
def test_a_frame_is_parsed_from_its_bytes(vector: dict[str, Any]) -> None:
    """Each field stands where the contract says."""
    packet, sent = protocol.parse_packet(bytes.fromhex(vector["bytes"]))
    expected = _packet(vector)
    assert sent == vector["sent"]
    assert bytes(packet.data) == expected.data
    for name in ("encoding", "width", "height", "seq", "captured", "offline", "key", "init"):
        assert getattr(packet, name) == getattr(expected, name)


@pytest.mark.parametrize(
    "vector", [each for each in VECTORS["good"] if each["header"] == 32], ids=lambda vector: vector["name"]
)
def test_a_frame_is_serialized_to_its_bytes(vector: dict[str, Any]) -> None:
    """The mirror of the parser, from the same literal."""
    packet = _packet(vector)
    assert (protocol.serialize_header(packet, vector["sent"]) + packet.data).hex() == vector["bytes"]


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["name"])
def test_a_message_that_is_no_frame_is_refused_in_words(vector: dict[str, Any]) -> None:
    """The error names what is wrong."""
    with pytest.raises(BadMessage, match=vector["error"]):
        protocol.parse_packet(bytes.fromhex(vector["bytes"]))


@given(st.binary(max_size=100))
def test_any_bytes_are_a_frame_or_a_bad_message(message: bytes) -> None:
    """Nothing else comes out of the parser."""
    with contextlib.suppress(BadMessage):
        protocol.parse_packet(message)


def test_every_encoding_has_its_row_and_a_number_of_its_own() -> None:
    """The type, the table, the wire and the page name the same encodings, with the numbers of docs/protocol.md."""
    assert set(get_args(Encoding)) == set(ENCODINGS)
    numbers = {name: protocol.serialize_header(Packet(name, b"", 2, 2, 0, 0), 0)[4] for name in ENCODINGS}
    assert numbers == {"rgba": 1, "i420": 2, "png": 3, "jpeg": 4, "h264": 5}
    by_number = ", ".join(f"'{name}'" for name in sorted(numbers, key=numbers.__getitem__))
    (page,) = (Path(__file__).parent.parent / "www").rglob("protocol.js")
    assert f"const ENCODINGS = [undefined, {by_number}];" in page.read_text("utf-8")


REQUESTS: list[tuple[str, protocol.Request]] = [
    ('{"type":"watch","accept":["jpeg"]}', protocol.Watch(accept=("jpeg",))),
    (
        '{"type":"watch","accept":["jpeg","png"],"fps":30,"width":640,"quality":80,"window":2,"acks":true}',
        protocol.Watch(accept=("jpeg", "png"), fps=30, width=640, quality=80, window=2, acks=True),
    ),
    ('{"type":"watch","accept":["png"],"quality":"auto"}', protocol.Watch(accept=("png",), quality="auto")),
    ('{"type":"ack","seq":42}', protocol.Ack(seq=42)),
    ('{"type":"unwatch","id":"a"}', protocol.Unwatch(id="a")),
    ('{"type":"ping","sent":12.5,"id":7}', protocol.Ping(sent=12.5, id=7)),
    ('{"type":"caption.put","caption":{"text":"hello"}}', protocol.CaptionPut(caption=CaptionDraft(text="hello"))),
    ('{"type":"caption.delete","id":"c1"}', protocol.CaptionDelete(id="c1")),
    ('{"type":"say","text":"hello"}', protocol.Say(text="hello")),
    ('{"type":"name","name":"Aki"}', protocol.Name(name="Aki")),
    ('{"type":"controls","controls":{"Brightness":0.5}}', protocol.Controls(controls={"Brightness": 0.5})),
]


@pytest.mark.parametrize(("text", "request_"), REQUESTS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_request_goes_both_ways(text: str, request_: protocol.Request) -> None:
    """Parsed it is the request, and the request serialized is parsed to the same again."""
    assert protocol.parse_request(text) == request_
    assert protocol.parse_request(protocol.serialize(request_)) == request_


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello", "not JSON"),
        ("", "not JSON"),
        ("[" * 10_000, "not JSON"),
        ("[]", r"expected a JSON object, got \[\]"),
        ("null", "expected a JSON object"),
        ("{}", "type: expected one of watch, ack"),
        ('{"type":7}', "type: expected one of .* got 7"),
        ('{"type":"wacth"}', 'type: expected one of .* the nearest is "watch"'),
        ('{"type":"watch"}', "watch.accept: expected a list .* got nothing"),
        ('{"type":"watch","accept":[]}', "watch.accept: expected a list of 1 to 16"),
        ('{"type":"watch","accept":["jpeg"],"fps":0}', "watch.fps: expected a number above 0 to 1000 or null, got 0"),
        ('{"type":"watch","accept":["jpeg"],"qualty":3}', 'watch.qualty: unknown, .* the nearest is "quality"'),
        ('{"type":"watch","accept":["jpeg"],"quality":"best"}', 'watch.quality: .* "auto" .* got "best"'),
        ('{"type":"watch","accept":["jpeg"],"window":0}', "watch.window: expected a whole number from 1 to 64, got 0"),
        ('{"type":"ack","seq":-1}', "ack.seq: expected a whole number from 0 to 4294967295, got -1"),
        ('{"type":"ack"}', "ack.seq: .* got nothing"),
        ('{"type":"ping","sent":"x"}', "ping.sent: expected a .*number.* got"),
        ('{"type":"say","text":""}', "say.text: expected one line of 1 to 2000 characters"),
        ('{"type":"say","text":"a\\nb"}', "say.text: expected one line"),
        ('{"type":"say","text":"a\\n"}', "say.text: expected one line"),
        ('{"type":"name","name":"a\\u001b[31m"}', "name.name: expected one line"),
        ('{"type":"caption.delete"}', "caption.delete.id: .* got nothing"),
        ('{"type":"caption.put"}', "captions: expected an object, got nothing"),
        (
            '{"type":"caption.put","caption":{"text":"x","size":"big"}}',
            'captions.size: expected a number from 0.01 to 1, got "big"',
        ),
        ('{"type":"controls","controls":{}}', "controls.controls: "),
        ('{"type":"unwatch","id":[1]}', "unwatch.id: expected a text"),
    ],
)
def test_a_bad_request_is_refused_with_what_was_wrong_where(text: str, words: str) -> None:
    """Place, expected and got, in one sentence."""
    with pytest.raises(BadMessage, match=words):
        protocol.parse_request(text)


def test_a_refusal_carries_the_id_of_the_request() -> None:
    """So that whoever asked knows which of its requests was wrong."""
    with pytest.raises(BadMessage) as caught:
        protocol.parse_request('{"type":"ack","id":"q7"}')
    assert caught.value.re == "q7"


@given(st.text(max_size=200) | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(repr))
def test_any_text_is_a_request_or_a_bad_message(text: str) -> None:
    """Nothing else comes out of the parser."""
    with contextlib.suppress(BadMessage):
        protocol.parse_request(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ["accept", "fps", "seq", "sent", "id", "caption", "text", "name", "controls", "width", "quality", "window"]


@given(
    st.sampled_from(["watch", "ack", "unwatch", "ping", "caption.put", "caption.delete", "say", "name", "controls"]),
    st.dictionaries(st.sampled_from(FIELDS), json_values),
)
def test_any_fields_make_a_request_or_a_bad_message_of_one_short_line(kind: str, fields: dict[str, Any]) -> None:
    """However odd a value is, the error about it stays readable."""
    told = ""
    try:
        protocol.parse_request(json.dumps({"type": kind, **fields}))
    except BadMessage as error:
        told = str(error)
    assert "\n" not in told
    assert len(told) < 600


REPLIES: list[protocol.Reply] = [
    protocol.Welcome(
        version="1.0.0",
        host="raspberrypi",
        you="v7",
        encodings=("jpeg", "png"),
        source=SourceState(
            kind="synthetic",
            width=64,
            height=64,
            online=False,
            reason="starting",
            resting=False,
            why="a test",
            refused=("picamera2: not installed",),
            measured_fps=0,
            timestamp="read",
            controls=("Brightness",),
        ),
        captions=(Caption(id="c1", text="x"),),
        viewers=(protocol.Present("v7", "Aki"),),
        fields=FIELD_INFOS,
    ),
    protocol.Watching(encoding="png", width=640, height=360, fps=30, quality=None),
    protocol.SourceNews(online=False, kind="picamera2", reason="unplugged"),
    protocol.CaptionsNews(captions=()),
    protocol.ViewersNews(viewers=(protocol.Present("v1", ""),)),
    protocol.Said(sender="v7", name="Aki", text="hello", at="2026-01-31T12:00:00Z"),
    protocol.Stats(
        source_fps=30,
        fps=29.9,
        dropped=2,
        age_ms=None,
        bytes_per_second=5,
        viewers=1,
        cpu_percent=3.5,
        memory_mb=80,
        temperature_c=None,
        throttled=None,
    ),
    protocol.Pong(sent=12.5, clock=1234567890, utc="2026-01-31T12:00:00.000000Z"),
    protocol.Ok(re="q1"),
    protocol.Ok(re=7, caption=Caption(id="c1", text="x")),
    protocol.Error(code="bad-message", message="no"),
    protocol.Error(re="q1", code="bad-message", message="no"),
]


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: type(reply).__name__)
def test_a_reply_goes_both_ways(reply: protocol.Reply) -> None:
    """What the service says, the Python viewer understands."""
    assert protocol.parse_reply(protocol.serialize(reply)) == reply


def test_the_names_of_a_reply_are_the_contracts() -> None:
    """Where a name is a Python word, the wire's stands; and what does not apply is not there."""
    said = json.loads(protocol.serialize(REPLIES[5]))
    assert said == {"type": "said", "from": "v7", "name": "Aki", "text": "hello", "at": "2026-01-31T12:00:00Z"}
    assert json.loads(protocol.serialize(REPLIES[8])) == {"type": "ok", "re": "q1"}
    assert json.loads(protocol.serialize(REPLIES[10])) == {"type": "error", "code": "bad-message", "message": "no"}


def test_a_reply_of_a_later_version_is_passed_over() -> None:
    """A new type is no error, and neither is a new field."""
    assert protocol.parse_reply('{"type":"weather","rain":true}') is None
    assert protocol.parse_reply('{"type":"ok","re":"a","more":1}') == protocol.Ok(re="a")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"type":"ok"}', "7"])
def test_a_reply_that_makes_no_sense_is_told(text: str) -> None:
    """The Python viewer says so instead of failing somewhere else."""
    with pytest.raises(BadMessage, match="cannot be understood"):
        protocol.parse_reply(text)


def test_the_first_acceptable_encoding_is_chosen() -> None:
    """The viewer's order counts, not the service's."""
    assert protocol.choose(("h264", "png", "jpeg"), ("jpeg", "png")) == "png"
    with pytest.raises(Unsupported, match='jpeg, png, got "h264", "webp"'):
        protocol.choose(("h264", "webp"), ("jpeg", "png"))


@pytest.mark.parametrize(
    ("widest", "size"),
    [
        (None, (1280, 720)),
        (1280, (1280, 720)),
        (4000, (1280, 720)),
        (640, (640, 360)),
        (641, (640, 360)),
        (16, (16, 8)),
    ],
)
def test_a_picture_fits_its_width_and_keeps_its_shape(widest: int | None, size: tuple[int, int]) -> None:
    """Sides are even, and nothing is made larger."""
    assert protocol.fit(1280, 720, widest) == size


@pytest.mark.parametrize("vector", MESSAGES["replies"], ids=lambda vector: vector["type"])
def test_a_message_about_several_cameras_has_its_fields(vector: dict[str, Any]) -> None:
    """Read and written again, it is the same; a client that knows an older version reads the rest of it."""
    reply = protocol.parse_reply(json.dumps(vector))
    assert isinstance(reply, protocol.Welcome | protocol.CamerasNews)
    assert reply.cameras[-1].path == "cameras/garden/"
    assert json.loads(protocol.serialize(reply)) == vector
    assert protocol.parse_reply(json.dumps({**vector, "later": 1})) == reply
