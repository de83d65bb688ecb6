"""The webhook of a running service: what it listens to, what waits, and how it goes."""

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Hashable, Iterable
from contextlib import ExitStack
from typing import Literal

import msgspec
from msgspec import Struct

from pi_stream.config.settings import Config
from pi_stream.errors import SettingError
from pi_stream.features.feature import Feature
from pi_stream.features.webhook import message as messages
from pi_stream.features.webhook.message import Message
from pi_stream.features.webhook.outbox import Outbox
from pi_stream.features.webhook.sender import NotDelivered, Sender, place, trusted
from pi_stream.features.webhook.settings import WebhookSettings
from pi_stream.lib import clock
from pi_stream.server.context import AppContext
from pi_stream.server.http.metrics import Metric
from pi_stream.stream import CaptionsChanged, SourceChanged, ViewersChanged

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 1.0  # before the second try; each further pause is twice as long
_MAX_ANSWERED_TRIES = 10  # of one message, if each was answered with an error: it may be the message


class WebhookStatus(Struct, frozen=True, kw_only=True):
    """Part of /api/status. `reason` is why the last try failed, `delivered_at` when the last message was taken."""

    state: Literal["off", "ok", "failing"]
    reason: str | None
    waiting: int
    delivered: int
    dropped: int
    delivered_at: str | None


class Webhook(Feature):
    """Sends events as they happen, one at a time. A receiver that is away or slow costs nothing but a bounded queue."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._outbox = Outbox()
        self._number = itertools.count()
        self._told: dict[str, tuple[bool, str | None]] = {}  # online and reason of each camera, as last sent
        self._delivered = 0
        self._failed = 0
        self._dropped: Counter[str] = Counter(queue=0, refused=0)  # by reason
        self._reason: str | None = None
        self._delivered_at: str | None = None

    @property
    def _settings(self) -> WebhookSettings:
        return self._context.config.section(WebhookSettings)

    def check(self, config: Config) -> None:
        """The URL as a whole, and the certificates to trust."""
        settings = config.section(WebhookSettings)
        try:
            place(settings.url)
        except ValueError:  # as of [1], which is no address
            raise SettingError(
                "[webhook] url: expected a URL, got what is not shown, because it may be secret"
            ) from None
        if settings.url.startswith("https:"):
            trusted(settings.ca_file)

    async def run(self) -> None:
        """Listen and send. The state of each camera is sent first: the receiver may be new, or know an old one."""
        settings = self._settings
        self._reason = None
        if not settings.url:
            self._outbox.clear()
            return
        events = self._context.events
        with ExitStack() as listening:
            if "source" in settings.events:
                listening.enter_context(events.listening(SourceChanged, self._source))
                self._told.clear()
                for name, stream in self._context.streams.items():
                    source = stream.supervisor
                    if source.tried.is_set():
                        self._source(SourceChanged(name, source.kind, source.online, source.reason))
            if "captions" in settings.events:
                listening.enter_context(events.listening(CaptionsChanged, self._captions))
            if "viewers" in settings.events:
                listening.enter_context(events.listening(ViewersChanged, self._viewers))
            async with Sender(settings) as sender:
                await self._send_all(sender, settings)

    def metrics(self) -> Iterable[Metric]:
        """What waits, and what became of the rest."""
        yield Metric("webhook_waiting", "gauge", "Events that wait to be sent", {"": len(self._outbox)})
        yield Metric("webhook_delivered_total", "counter", "Events that the receiver took", {"": self._delivered})
        yield Metric("webhook_failed_tries_total", "counter", "Tries to send that failed", {"": self._failed})
        dropped = {f'{{reason="{reason}"}}': count for reason, count in self._dropped.items()}
        yield Metric("webhook_dropped_total", "counter", "Events that were given up", dropped)

    def status(self) -> WebhookStatus:
        """How it goes; nothing of the URL."""
        on = bool(self._settings.url)
        return WebhookStatus(
            state="off" if not on else "failing" if self._reason else "ok",
            reason=self._reason,
            waiting=len(self._outbox),
            delivered=self._delivered,
            dropped=self._dropped.total(),
            delivered_at=self._delivered_at,
        )

    def _source(self, event: SourceChanged) -> None:
        streams = self._context.streams
        if event.camera in streams and streams[event.camera].supervisor.opening:
            return  # it rested, and is slow to open: nothing is known to be wrong with it
        if self._told.get(event.camera) == (event.online, event.reason):
            return
        self._told = {name: told for name, told in self._told.items() if name in streams}
        self._told[event.camera] = (event.online, event.reason)
        message = messages.of_source(event, self._title(event.camera))
        self._put(("source", event.camera, next(self._number)), message)  # each one: how often it failed matters, too

    def _captions(self, event: CaptionsChanged) -> None:
        message = messages.of_captions(event, self._title(event.camera))
        self._put(("captions", event.camera), message)

    def _viewers(self, event: ViewersChanged) -> None:
        self._put("viewers", messages.of_viewers(event))

    def _title(self, camera: str) -> str:
        streams = self._context.streams
        return streams[camera].title if camera in streams else camera

    def _put(self, key: Hashable, message: Message) -> None:
        limit = self._settings.queue
        for _ in range(self._outbox.put(key, message, limit)):
            self._dropped["queue"] += 1
            self._context.refusals.counts["webhook.queue"] += 1
            log.warning(
                "%d events wait for the webhook, as many as webhook.queue allows; the oldest one is dropped",
                limit,
                extra={"PI_STREAM_LIMIT": "webhook.queue"},
            )

    async def _send_all(self, sender: Sender, settings: WebhookSettings) -> None:
        failures = tries = 0  # in a row: of all messages, and answered ones of this message
        last: Message | None = None
        while True:
            message = await self._outbox.first()
            tries = tries if message is last else 0
            last = message
            body = msgspec.json.encode(msgspec.structs.replace(message, topic=settings.topic))
            try:
                await sender.send(body)
            except NotDelivered as error:
                failures += 1
                tries += error.answered
                self._failed += 1
                self._tell_failure(str(error), place(settings.url))
                if error.final or tries >= _MAX_ANSWERED_TRIES:
                    self._outbox.remove(message)
                    self._dropped["refused"] += 1
                await asyncio.sleep(min(_FIRST_PAUSE_S * 2 ** min(failures - 1, 20), settings.longest_pause))
                continue
            self._outbox.remove(message)
            self._delivered += 1
            self._delivered_at = clock.utc()
            if failures:
                log.info("the webhook at %s takes events again", place(settings.url))
            failures, self._reason = 0, None
            await asyncio.sleep(settings.interval)

    def _tell_failure(self, reason: str, where: str) -> None:
        if reason != self._reason:
            log.warning("the webhook at %s does not take events: %s", where, reason)
        self._reason = reason
