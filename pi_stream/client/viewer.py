"""The Python viewer: the newest pictures of a pi-stream, as arrays, and captions for it.

async with pi_stream.connect("http://raspberrypi.local:8000", accept=["png"]) as camera:
    await camera.put_caption("Garage {time:%H:%M}", anchor="bottom", x=0.5, y=0.97)
    async for packet in camera:
        print(packet.seq, packet.age_ms, packet.image().shape)
"""

import asyncio
import itertools
import json
import ssl
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import unquote, urlsplit, urlunsplit

import websockets
from msgspec import structs

from pi_stream import protocol
from pi_stream.captions.caption import Caption, CaptionDraft
from pi_stream.client.received_packet import ReceivedPacket
from pi_stream.errors import BadMessage, Disconnected, Refused
from pi_stream.lib import clock
from pi_stream.lib.slot import Slot
from pi_stream.lib.validation import ValidationError, convert

_LONGEST_FRAME = 256 * 2**20  # bytes: raw pixels of 8192 x 8192
_PATIENCE = 10.0  # seconds for the connection, and for an answer
_PING_PERIOD = 5.0  # seconds between two looks at the service's clock


class ConnectedCamera:
    """What `connect` gives: iterate for packets; the rest is what the service said last."""

    welcome: protocol.Welcome
    watching: protocol.Watching | None = None
    stats: protocol.Stats | None = None
    source: protocol.SourceNews | None = None

    def __init__(
        self, url: str, watch: protocol.Watch | None, login: Mapping[str, str], trusted: ssl.SSLContext | None
    ) -> None:
        self.captions: tuple[Caption, ...] = ()
        self.viewers: tuple[protocol.Present, ...] = ()
        self._url = _without_password(websocket_url(url))
        self._login = login
        self._trusted = trusted
        self._watch = watch
        self._ids = itertools.count(1)
        self._slot: Slot[ReceivedPacket] = Slot()
        self._answers: dict[protocol.Id, asyncio.Future[protocol.Ok]] = {}
        self._given: int | None = None  # seq of the packet that was given and is not acknowledged yet
        self._lost: Disconnected | None = None
        self._offset: tuple[int, int] | None = None  # round trip, and service's clock minus ours, in microseconds
        self._life = AsyncExitStack()

    # --- its life

    async def __aenter__(self) -> Self:
        """Raises Disconnected when there is no pi-stream at this address, and Unsupported for the encodings."""
        try:
            connecting = websockets.connect(
                self._url,
                additional_headers=self._login,
                ssl=self._trusted,
                subprotocols=[websockets.Subprotocol(protocol.VERSION)],
                compression=None,
                max_size=_LONGEST_FRAME,
                max_queue=4,
                open_timeout=_PATIENCE,
                close_timeout=1,
            )
            self._socket = await self._life.enter_async_context(connecting)
            first = protocol.parse_reply(str(await asyncio.wait_for(self._socket.recv(), _PATIENCE)))
        except websockets.InvalidStatus as error:
            await self._life.aclose()
            reason = _reason(error.response)
            if reason is None:
                raise Disconnected(f"no pi-stream answers at {self._url}: {error}") from None
            raise Disconnected(f"{self._url} would not have this viewer: {reason}") from None
        except ssl.SSLCertVerificationError as error:
            await self._life.aclose()
            raise Disconnected(
                f"{self._url} is not trusted: {error}; `pi-stream certificate` there says what to give for pin"
            ) from None
        except (OSError, TimeoutError, websockets.WebSocketException, BadMessage) as error:
            await self._life.aclose()
            raise Disconnected(f"no pi-stream answers at {self._url}: {error}") from None
        except BaseException:
            await self._life.aclose()
            raise
        if not isinstance(first, protocol.Welcome):
            await self._life.aclose()
            raise Disconnected(f"what answers at {self._url} is no pi-stream")
        self.welcome, self.captions, self.viewers = first, first.captions, first.viewers
        group = await self._life.enter_async_context(asyncio.TaskGroup())
        for each in (self._receive(), self._keep_time()):
            self._life.callback(group.create_task(each).cancel)
        try:
            if self._watch is not None:
                await self.ask(self._watch)
        except BaseException:
            await self._life.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._lose("this viewer was closed")
        await self._life.aclose()

    # --- pictures

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ReceivedPacket:
        """The newest packet that was not given yet. Raises Disconnected when no more will come."""
        if self._given is not None:  # who asks for the next has dealt with this one
            await self._send(protocol.Ack(seq=self._given))
            self._given = None
        if self._lost is None:
            packet = await self._slot.take()
        if self._lost is not None:
            raise self._lost
        self._given = packet.seq
        return packet

    @property
    def dropped(self) -> int:
        """Packets that arrived and were replaced by newer ones before they were asked for."""
        return self._slot.dropped

    # --- requests

    async def put_caption(self, text: str, **fields: Any) -> Caption:
        """Put a caption on the picture: a new one, or with a known `id` in that one's place. Raises Refused."""
        try:
            draft = convert({"text": text, **fields}, CaptionDraft)
        except ValidationError as error:
            raise BadMessage(f"captions.{error}") from None
        answer = await self.ask(protocol.CaptionPut(caption=draft))
        if not isinstance(answer.caption, Caption):
            raise BadMessage("the service put the caption and did not say which")
        return answer.caption

    async def delete_caption(self, id: str) -> None:  # noqa: A002 - it is the field's name
        """Remove a caption. Raises Refused."""
        await self.ask(protocol.CaptionDelete(id=id))

    async def say(self, text: str) -> None:
        """Say a line to all viewers."""
        await self.ask(protocol.Say(text=text))

    async def set_controls(self, **controls: Any) -> None:
        """Change camera controls, by libcamera's names. Raises Refused."""
        await self.ask(protocol.Controls(controls=controls))

    async def ask(self, request: protocol.Request) -> protocol.Ok:
        """Send a request and wait for its answer. Raises Refused with the service's words."""
        name = request.id if request.id is not None else f"q{next(self._ids)}"
        answer: asyncio.Future[protocol.Ok] = asyncio.get_running_loop().create_future()
        self._answers[name] = answer
        try:
            await self._send(structs.replace(request, id=name))
            return await asyncio.wait_for(answer, _PATIENCE)
        except TimeoutError:
            raise Disconnected(f"{self._url} did not answer within {_PATIENCE:g} s") from None
        finally:
            self._answers.pop(name, None)

    # --- the wire

    async def _send(self, request: protocol.Request) -> None:
        if self._lost is not None:
            raise self._lost
        try:
            await self._socket.send(protocol.serialize(request))
        except websockets.ConnectionClosed as error:
            raise Disconnected(f"{self._url} went away: {error}") from None

    async def _receive(self) -> None:
        try:
            async for message in self._socket:
                if isinstance(message, bytes):
                    self._slot.put(self._received(message))
                elif (reply := protocol.parse_reply(message)) is not None:
                    self._note(reply)
            self._lose(f"{self._url} said goodbye: {self._socket.close_reason or self._socket.close_code}")
        except websockets.ConnectionClosed as error:
            self._lose(f"{self._url} went away: {error}")
        except BadMessage as error:
            self._lose(f"{self._url}: {error}")

    def _lose(self, reason: str) -> None:
        if self._lost is not None:
            return
        self._lost = Disconnected(reason)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(self._lost)
        # Wakes who waits for a picture; it finds that none will come.
        self._slot.put(ReceivedPacket("jpeg", b"", 0, 0, 0, 0))

    def _received(self, message: bytes) -> ReceivedPacket:
        packet, sent = protocol.parse_packet(message)
        age = None if self._offset is None else (clock.now() + self._offset[1] - packet.captured) / 1000
        return ReceivedPacket(
            packet.encoding,
            packet.data,
            packet.width,
            packet.height,
            packet.seq,
            packet.captured,
            packet.offline,
            packet.key,
            packet.init,
            sent,
            age,
        )

    def _note(self, reply: protocol.Reply) -> None:
        match reply:
            case protocol.Ok(re=re):
                if (answer := self._answers.get(re)) is not None and not answer.done():
                    answer.set_result(reply)
            case protocol.Error(re=re, code=code, message=text):
                if isinstance(re, str) and (answer := self._answers.get(re)) is not None and not answer.done():
                    answer.set_exception(_refused(code, text))
            case protocol.Pong(sent=sent, clock=theirs):
                now = clock.now()
                trip = now - int(sent)
                if self._offset is None or trip <= self._offset[0]:  # the quickest answer is the truest
                    self._offset = (trip, theirs - now + trip // 2)
            case protocol.Watching():
                self.watching = reply
            case protocol.Stats():
                self.stats = reply
            case protocol.SourceNews():
                self.source = reply
            case protocol.CaptionsNews(captions=captions):
                self.captions = captions
            case protocol.ViewersNews(viewers=viewers):
                self.viewers = viewers

    async def _keep_time(self) -> None:
        while self._lost is None:
            try:
                await self._send(protocol.Ping(sent=clock.now()))
            except Disconnected:
                return
            await asyncio.sleep(_PING_PERIOD)


def connect(
    url: str,
    *,
    accept: Sequence[str] = ("jpeg", "png", "i420", "rgba"),
    fps: float | None = None,
    width: int | None = None,
    quality: int | Literal["auto"] | None = None,
    window: int = 1,
    password: str | None = None,
    token: str | None = None,
    pin: str | None = None,
    ca_file: str | Path | None = None,
) -> ConnectedCamera:
    """A viewer of the pi-stream at `url` (http or ws): `async with` it. Parameters as in `watch` of docs/protocol.md.

    An empty `accept`: no pictures, only messages. `window` 1 gives whoever asks a picture that is no older than the
    way here; more keeps a far link busy, at the price of older pictures for a slow reader. Where the service asks for a
    login, give a `password` or a `token`; a password may also stand in the address: http://any:password@pi.local:8000.

    With https, the certificate must be one that this system trusts, or one of `ca_file` (PEM). With a `pin`, which
    `pi-stream certificate` shows ("sha256//..."), it must be of that key, and nothing else counts.

    Raises BadMessage for an impossible address or parameter.
    """
    fields = {"accept": list(accept), "fps": fps, "width": width, "quality": quality, "window": window, "acks": True}
    try:
        watch = convert(fields, protocol.Watch) if accept else None
    except ValidationError as error:
        raise BadMessage(f"watch.{error}") from None
    return ConnectedCamera(url, watch, _login(url, password, token), _trusted(url, pin, ca_file))


def _trusted(url: str, pin: str | None, ca_file: str | Path | None) -> ssl.SSLContext | None:
    """Whom to trust; None: over http there is nobody to ask. Raises BadMessage."""
    if not websocket_url(url).startswith("wss:"):
        if pin is not None or ca_file is not None:
            raise BadMessage(f"pin and ca_file: expected an address with https, got {_without_password(url)!r}")
        return None
    from pi_stream.tls.trust import trust  # not earlier: over http its library is not needed

    try:
        return trust(pin, ca_file)
    except ValueError as error:
        raise BadMessage(f"pin: {error}") from None
    except OSError as error:  # of these, OpenSSL's
        raise BadMessage(f"ca_file: expected certificates in PEM, got none from {ca_file}: {error.strerror}") from None


def websocket_url(url: str) -> str:
    """Where the websocket of the pi-stream at `url` is. Raises BadMessage when that is no address."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parts.scheme)
        right = scheme is not None and bool(parts.hostname) and parts.port != 0  # asking for the port checks it
    except ValueError:
        right = False
    if not right or scheme is None:
        raise BadMessage(f"expected an address such as http://raspberrypi.local:8000, got {url!r}")
    path = parts.path if parts.path.endswith("/ws") else parts.path.rstrip("/") + "/ws"
    return urlunsplit((scheme, parts.netloc, path, "", ""))


def _login(url: str, password: str | None, token: str | None) -> dict[str, str]:
    """The header that proves who this viewer is: RFC 6750 for a token, RFC 7617 for a password. Raises BadMessage.

    A password in the address is decoded here: websockets 15 and 16 send its percent escapes as they are.
    """
    if token is not None:
        return {"Authorization": f"Bearer {token.strip()}"}
    if password is None and (escaped := urlsplit(websocket_url(url)).password) is not None:
        try:
            password = unquote(escaped, errors="strict")
        except UnicodeDecodeError:
            raise BadMessage("the password in the address: expected percent escapes of UTF-8, got others") from None
    if password is not None:
        return {"Authorization": f"Basic {b64encode(f'pi-stream:{password}'.encode()).decode()}"}
    return {}


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _reason(response: websockets.Response) -> str | None:
    """What the service has against it, in its own words; None: these are no words of a pi-stream."""
    try:
        return str(json.loads(response.body or b"")["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return None


def _refused(code: str, text: str) -> Refused:
    kinds = {kind.code: kind for kind in Refused.__subclasses__()}
    return kinds.get(code, Refused)(text)
