"""Acknowledgements are taken out of what a viewer sends, and everything else passes on as it came."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_stream.server.websocket.ack_reader import AckReader
from pi_stream.server.websocket.framing import Framing
from tests.raw import framed
from tests.reading import Behind, Line, Reading

OTHERS = [
    framed(b'{"type":"ping","sent":1}'),
    framed(b"x" * 300),
    framed(b"", first=0x89),  # a ping of the websocket's own
    framed(b'{"type":"ack","seq":"one"}'),  # wrong, which the other way has to say
    framed(b'{"type":"ack","seq":7,"id":1}'),  # wants an answer
    framed(b"\xff\xfe"),  # no text at all
]


@pytest.mark.parametrize("step", [1, 2, 3, 5, 8, 13, 50, 10_000])
def test_acks_are_taken_and_all_else_passes_on_however_it_comes(step: int) -> None:
    """Cut anywhere, every ack is taken once, in order, and what remains is what was sent without them."""
    sent = b"".join(framed(b'{"type":"ack","seq":%d}' % i) + other for i, other in enumerate(OTHERS))
    reading = Reading()
    for at in range(0, len(sent), step):
        reading.line.bring(sent[at : at + step])
    assert reading.seqs == list(range(len(OTHERS)))
    assert reading.behind.heard == b"".join(OTHERS)


ACK = framed(b'{"type":"ack","seq":2}')


def test_between_the_fragments_of_a_message_nothing_is_taken() -> None:
    """Until it ends: what is no control frame there is a mistake, which the viewer is told."""
    first, ping, last = framed(b'{"type":', first=0x01), framed(b"", first=0x89), framed(b'"ping"}', first=0x80)
    reading = Reading()
    reading.line.bring(first + ping + last + ACK)
    assert (reading.seqs, reading.refusals, reading.behind.heard) == ([2], [], first + ping + last)
    reading.line.bring(first + ACK)
    assert (reading.seqs, reading.refusals) == ([2], [1002])


def test_after_a_frame_that_nobody_may_send_only_the_goodbye_passes_on() -> None:
    """The viewer is told once; what it says until it has heard that is dropped, however it comes."""
    wrong, ping, close = framed(b"{}", masked=False), framed(b"{}"), framed(b"\x03\xe8", first=0x88)
    for step in (1, 7, 1000):
        sent = ping + wrong + ping + wrong + close
        reading = Reading()
        for at in range(0, len(sent), step):
            reading.line.bring(sent[at : at + step])
        assert (reading.refusals, reading.behind.heard) == ([1002], ping + close)


@given(
    st.lists(
        st.one_of(st.sampled_from([ACK, *OTHERS, framed(b"{", 0x01), framed(b"}", 0x80)]), st.binary(max_size=20))
    ),
    st.lists(st.integers(0, 200), max_size=20),
)
def test_how_the_bytes_come_changes_nothing(pieces: list[bytes], cuts: list[int]) -> None:
    """Whatever they are, and wherever they are cut."""
    sent = b"".join(pieces)
    whole, cut = Reading(), Reading()
    whole.line.bring(sent)
    edges = sorted({0, len(sent), *(each for each in cuts if each < len(sent))})
    for begin, end in itertools.pairwise(edges):
        cut.line.bring(sent[begin:end])
    assert (cut.seqs, cut.refusals) == (whole.seqs, whole.refusals)
    assert cut.behind.heard == whole.behind.heard


def test_when_the_kernel_has_taken_all_aiohttp_hears_it_first() -> None:
    """Its own writers may have waited for longer than the next packet."""
    behind = Behind()
    line = Line(behind)
    heard: list[int] = []
    AckReader(
        line, Framing(65_536, 1000), lambda _: False, lambda _code, _reason: None, lambda: heard.append(behind.resumed)
    )
    line.get_protocol().resume_writing()
    assert heard == [1]
