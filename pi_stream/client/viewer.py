"""The Python viewer: the newest frames of a camera as arrays, and captions for it.

async with pi_stream.connect("http://raspberrypi.local:8000", accept=["png"]) as camera:
    await camera.put_caption("Garage {time:%H:%M}", anchor="bottom", x=0.5, y=0.97)
    async for packet in camera:
        print(packet.seq, packet.age_ms, packet.image().shape)
"""

import asyncio
import itertools
import ssl
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import websockets
from msgspec import structs

from pi_stream import protocol
from pi_stream.captions.caption import Caption, CaptionDraft
from pi_stream.client.address import password_of, websocket_url, without_password
from pi_stream.client.received_packet import ReceivedPacket
from pi_stream.client.refusal import refused, refused_handshake
from pi_stream.errors import BadMessage, Disconnected
from pi_stream.lib import clock
from pi_stream.lib.slot import Slot
from pi_stream.lib.validation import ValidationError, convert

_MAX_MESSAGE_BYTES = 256 * 2**20  # raw pixels of 8192 x 8192
_TIMEOUT_S = 10.0  # for the connection, and for the answer to a request
_CLOSE_TIMEOUT_S = 1.0
_PING_PERIOD_S = 5.0  # between two comparisons with the service's clock


class ConnectedCamera:
    """A connection to one camera, made by `connect`. Iterate for packets.

    `camera` is the name of the camera, and `cameras` are all of the service. They, `captions`, `viewers`, `watching`,
    `stats` and `source` are what the service sent last.
    """

    welcome: protocol.Welcome
    watching: protocol.Watching | None = None
    stats: protocol.Stats | None = None
    source: protocol.SourceNews | None = None

    def __init__(
        self, address: str, watch: protocol.Watch | None, login: Mapping[str, str], trusted: ssl.SSLContext | None
    ) -> None:
        """`address` is that of the camera's websocket, `login` are headers."""
        self.camera = ""
        self.cameras: tuple[protocol.CameraInfo, ...] = ()
        self.captions: tuple[Caption, ...] = ()
        self.viewers: tuple[protocol.Present, ...] = ()
        self._url = without_password(address)
        self._login = login
        self._trusted = trusted
        self._watch = watch
        self._ids = itertools.count(1)
        self._slot: Slot[ReceivedPacket] = Slot()
        self._answers: dict[protocol.Id, asyncio.Future[protocol.Ok]] = {}
        self._unacknowledged: int | None = None  # seq of the packet that `__anext__` returned last
        self._lost: Disconnected | None = None
        self._offset: tuple[int, int] | None = None  # round trip, and service's clock minus ours, in microseconds
        self._life = AsyncExitStack()

    # --- open and close

    async def __aenter__(self) -> Self:
        """Raises Disconnected if no pi-stream answers at this address, or if it refuses this viewer; NotFound, with the
        names there are, for an unknown camera; Unsupported if it has none of the encodings.
        """
        try:
            connecting = websockets.connect(
                self._url,
                additional_headers=self._login,
                ssl=self._trusted,
                subprotocols=[websockets.Subprotocol(protocol.VERSION)],
                compression=None,
                max_size=_MAX_MESSAGE_BYTES,
                max_queue=4,
                open_timeout=_TIMEOUT_S,
                close_timeout=_CLOSE_TIMEOUT_S,
            )
            self._socket = await self._life.enter_async_context(connecting)
            first = protocol.parse_reply(str(await asyncio.wait_for(self._socket.recv(), _TIMEOUT_S)))
        except websockets.InvalidStatus as error:
            await self._life.aclose()
            raise refused_handshake(self._url, error) from None
        except ssl.SSLCertVerificationError as error:
            await self._life.aclose()
            raise Disconnected(
                f"{self._url} is not trusted: {error}; `pi-stream certificate` on that machine prints the pin"
            ) from None
        except (OSError, TimeoutError, websockets.WebSocketException, BadMessage) as error:
            await self._life.aclose()
            raise Disconnected(f"no pi-stream answers at {self._url}: {error}") from None
        except BaseException:
            await self._life.aclose()
            raise
        if not isinstance(first, protocol.Welcome):
            await self._life.aclose()
            raise Disconnected(f"the service at {self._url} is no pi-stream")
        self.welcome, self.captions, self.viewers = first, first.captions, first.viewers
        self.camera, self.cameras = first.camera, first.cameras
        group = await self._life.enter_async_context(asyncio.TaskGroup())
        for each in (self._receive(), self._ping()):
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

    # --- frames

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ReceivedPacket:
        """Wait for a packet newer than the last one. Raises Disconnected if no more will come."""
        if self._unacknowledged is not None:  # the caller has processed it if it asks for the next one
            await self._send(protocol.Ack(seq=self._unacknowledged))
            self._unacknowledged = None
        if self._lost is None:
            packet = await self._slot.take()
        if self._lost is not None:
            raise self._lost
        self._unacknowledged = packet.seq
        return packet

    @property
    def dropped(self) -> int:
        """Packets that arrived and were replaced by newer ones before they were asked for."""
        return self._slot.dropped

    # --- requests

    async def put_caption(self, text: str, **fields: Any) -> Caption:
        """Add a caption, or replace the one with this `id`. Returns it as it is now. Raises Refused."""
        try:
            draft = convert({"text": text, **fields}, CaptionDraft)
        except ValidationError as error:
            raise BadMessage(f"captions.{error}") from None
        answer = await self.ask(protocol.CaptionPut(caption=draft))
        if not isinstance(answer.caption, Caption):
            raise BadMessage("expected the caption in the service's answer, got none")
        return answer.caption

    async def delete_caption(self, id: str) -> None:  # noqa: A002 - it is the field's name
        """Remove a caption. Raises Refused."""
        await self.ask(protocol.CaptionDelete(id=id))

    async def say(self, text: str) -> None:
        """Send a chat line to all viewers."""
        await self.ask(protocol.Say(text=text))

    async def set_controls(self, **controls: Any) -> None:
        """Change camera controls, by libcamera's names. Raises Refused."""
        await self.ask(protocol.Controls(controls=controls))

    async def ask(self, request: protocol.Request) -> protocol.Ok:
        """Send a request and wait for its answer. Raises Refused with the service's message."""
        name = request.id if request.id is not None else f"q{next(self._ids)}"
        answer: asyncio.Future[protocol.Ok] = asyncio.get_running_loop().create_future()
        self._answers[name] = answer
        try:
            await self._send(structs.replace(request, id=name))
            return await asyncio.wait_for(answer, _TIMEOUT_S)
        except TimeoutError:
            raise Disconnected(f"{self._url} did not answer within {_TIMEOUT_S:g} s") from None
        finally:
            self._answers.pop(name, None)

    # --- the wire

    async def _send(self, request: protocol.Request) -> None:
        if self._lost is not None:
            raise self._lost
        try:
            await self._socket.send(protocol.serialize(request))
        except websockets.ConnectionClosed as error:
            raise Disconnected(f"the connection to {self._url} was lost: {error}") from None

    async def _receive(self) -> None:
        try:
            async for message in self._socket:
                if isinstance(message, bytes):
                    self._slot.put(self._received(message))
                elif (reply := protocol.parse_reply(message)) is not None:
                    self._handle(reply)
            self._lose(f"{self._url} closed the connection: {self._socket.close_reason or self._socket.close_code}")
        except websockets.ConnectionClosed as error:
            self._lose(f"the connection to {self._url} was lost: {error}")
        except BadMessage as error:
            self._lose(f"{self._url}: {error}")

    def _lose(self, reason: str) -> None:
        if self._lost is not None:
            return
        self._lost = Disconnected(reason)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(self._lost)
        # Wakes `__anext__`, which then raises the error.
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

    def _handle(self, reply: protocol.Reply) -> None:
        match reply:
            case protocol.Ok(re=re):
                if (answer := self._answers.get(re)) is not None and not answer.done():
                    answer.set_result(reply)
            case protocol.Error(re=re, code=code, message=text):
                if isinstance(re, str) and (answer := self._answers.get(re)) is not None and not answer.done():
                    answer.set_exception(refused(code, text))
            case protocol.Pong(sent=sent, clock=theirs):
                now = clock.now()
                trip = now - int(sent)
                if self._offset is None or trip <= self._offset[0]:  # the shorter the round trip, the smaller the error
                    self._offset = (trip, theirs - now + trip // 2)
            case protocol.Watching():
                self.watching = reply
            case protocol.Stats():
                self.stats = reply
            case protocol.SourceNews():
                self.source = reply
            case protocol.CamerasNews(camera=camera, cameras=cameras):
                self.camera, self.cameras = camera, cameras
            case protocol.CaptionsNews(captions=captions):
                self.captions = captions
            case protocol.ViewersNews(viewers=viewers):
                self.viewers = viewers

    async def _ping(self) -> None:
        while self._lost is None:
            try:
                await self._send(protocol.Ping(sent=clock.now()))
            except Disconnected:
                return
            await asyncio.sleep(_PING_PERIOD_S)


def connect(
    url: str,
    *,
    camera: str | None = None,
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
    """Return a connection to a camera of the pi-stream at `url` (http, https, ws or wss): `async with` it.

    `url` may be the page of a camera. `camera` is the name of one; without either, it is the service's first camera.
    `accept`, `fps`, `width`, `quality` and `window` are those of `watch` in docs/protocol.md. With an empty `accept`,
    no frames are sent. With `window` 1, each packet is the newest one when it is asked for; more frames in flight give
    a higher rate over a slow network, and a slow reader then gets older frames. If the service requires a login, give a
    `password` or a `token`; the address may contain a password, too: http://any:password@raspberrypi.local:8000.

    With https, this system must trust the certificate, or it must be in `ca_file` (PEM). With a `pin`, which
    `pi-stream certificate` prints ("sha256//..."), the certificate must have that key, and nothing else is checked.

    Raises BadMessage for an invalid address or parameter.
    """
    fields = {"accept": list(accept), "fps": fps, "width": width, "quality": quality, "window": window, "acks": True}
    try:
        watch = convert(fields, protocol.Watch) if accept else None
    except ValidationError as error:
        raise BadMessage(f"watch.{error}") from None
    address = websocket_url(url, camera)
    return ConnectedCamera(address, watch, _login(address, password, token), _trusted(address, pin, ca_file))


def _trusted(address: str, pin: str | None, ca_file: str | Path | None) -> ssl.SSLContext | None:
    """Which certificates to trust; None without https. Raises BadMessage."""
    if not address.startswith("wss:"):
        if pin is not None or ca_file is not None:
            raise BadMessage(f"pin and ca_file: expected an address with https, got {without_password(address)!r}")
        return None
    from pi_stream.tls.trust import trust  # not earlier: without https its library is not needed

    try:
        return trust(pin, ca_file)
    except ValueError as error:
        raise BadMessage(f"pin: {error}") from None
    except OSError as error:  # of these, OpenSSL's
        raise BadMessage(f"ca_file: expected certificates in PEM, got none from {ca_file}: {error.strerror}") from None


def _login(address: str, password: str | None, token: str | None) -> dict[str, str]:
    """The Authorization header: RFC 6750 for a token, RFC 7617 for a password. Raises BadMessage."""
    if token is not None:
        return {"Authorization": f"Bearer {token.strip()}"}
    if password is None:
        password = password_of(address)
    if password is not None:
        return {"Authorization": f"Basic {b64encode(f'pi-stream:{password}'.encode()).decode()}"}
    return {}
