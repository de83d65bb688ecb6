"""The parts of webhooks alone: the queue, and the look-up of names."""

import asyncio
import threading

import pytest

from pi_stream.features.webhook.message import Message
from pi_stream.features.webhook.outbox import Outbox
from pi_stream.features.webhook.sender import NotDelivered, Sender, place
from pi_stream.features.webhook.settings import WebhookSettings
from tests.running import PATIENCE


def _message(text: str) -> Message:
    return Message(title="", message=text, host="", at="")


async def _all(outbox: Outbox) -> list[str]:
    texts = []
    while len(outbox):
        first = await outbox.first()
        outbox.remove(first)
        texts.append(first.message)
    return texts


async def test_messages_leave_in_the_order_in_which_they_came() -> None:
    """A newer one of the same key takes the place of the older, at the end."""
    outbox = Outbox()
    for key in ("a", "b", "a", "c"):
        assert outbox.put(key, _message(f"{key}{len(outbox)}"), 10) == 0
    assert await _all(outbox) == ["b1", "a2", "c2"]


async def test_the_first_message_stays_until_it_is_removed_or_replaced() -> None:
    """So that it is tried again; a newer state of the same thing takes its place even then."""
    outbox = Outbox()
    outbox.put("a", _message("old"), 10)
    old = await outbox.first()
    assert await outbox.first() is old
    assert len(outbox) == 1
    outbox.put("a", _message("new"), 10)
    assert len(outbox) == 1
    outbox.remove(old)  # it was delivered meanwhile
    assert await _all(outbox) == ["new"]


async def test_the_oldest_are_dropped_above_the_limit_but_not_the_one_that_is_sent() -> None:
    """A receiver that comes back needs the newest; a lower limit after a reload drops several."""
    outbox = Outbox()
    outbox.put(0, _message("0"), 3)
    await outbox.first()
    assert [outbox.put(key, _message(str(key)), 3) for key in range(1, 6)] == [0, 0, 0, 1, 1]
    assert outbox.put(6, _message("6"), 1) == 3
    assert await _all(outbox) == ["0", "6"]


async def test_a_waiting_reader_is_woken_by_a_message() -> None:
    """And not by one that was replaced or cleared."""
    outbox = Outbox()
    outbox.put("a", _message("gone"), 1)
    outbox.clear()
    waiting = asyncio.create_task(outbox.first())
    await asyncio.sleep(0)
    assert not waiting.done()
    outbox.put("a", _message("here"), 1)
    async with asyncio.timeout(PATIENCE):
        assert (await waiting).message == "here"


async def test_a_name_whose_look_up_hangs_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a daemon thread: no thread of asyncio's is taken, for which the end of the process would wait."""
    asked, go_on = [], threading.Event()

    def hang(host: str, *_: object, **__: object) -> list[object]:
        asked.append((host, threading.current_thread().daemon))
        go_on.wait(PATIENCE)
        return []

    monkeypatch.setattr("socket.getaddrinfo", hang)
    try:
        async with Sender(WebhookSettings(url="http://receiver.example/", timeout=0.1)) as sender:
            for _ in range(3):
                with pytest.raises(NotDelivered, match=r"no answer within 0\.1 seconds"):
                    await sender.send(b"{}")
    finally:
        go_on.set()
    assert asked == [("receiver.example", True)]


async def test_a_name_that_is_not_known_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the system's words."""
    monkeypatch.setenv("RES_OPTIONS", "attempts:1 timeout:1")
    async with Sender(WebhookSettings(url="http://receiver.invalid/", timeout=30)) as sender:
        with pytest.raises(NotDelivered, match="the name cannot be looked up: "):
            await sender.send(b"{}")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ada:secret@ntfy.sh/topic?auth=x#y", "https://ntfy.sh"),
        ("http://user@[fd00::1]:80/path", "http://[fd00::1]:80"),
        ("http://192.168.1.2:8123/api/webhook/id", "http://192.168.1.2:8123"),
    ],
)
def test_the_log_shows_scheme_host_and_port(url: str, shown: str) -> None:
    """Nothing else of the URL."""
    assert place(url) == shown
