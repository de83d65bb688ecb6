"""/ws: what a viewer asks is done, or refused with the reason."""

import asyncio
from collections import deque

from aiohttp import WSMsgType, web
from msgspec import UNSET, UnsetType

from pi_stream import clock
from pi_stream.auth.rights import Right
from pi_stream.encoders import LOSSY
from pi_stream.errors import BadMessage, Forbidden, LimitReached, Refused
from pi_stream.ladder import steps
from pi_stream.overlay.caption import Caption
from pi_stream.protocol import (
    VERSION,
    Ack,
    CaptionDelete,
    CaptionPut,
    Controls,
    Error,
    Name,
    Ok,
    Ping,
    Pong,
    Request,
    Say,
    Unwatch,
    Watch,
    choose,
    parse_request,
)
from pi_stream.server.access import address_of
from pi_stream.server.acks import AckReader
from pi_stream.server.gate import granted
from pi_stream.server.handshake import shake_hands
from pi_stream.server.hearing import Hearing, Unheard, framing, response
from pi_stream.server.house import HOUSE, House
from pi_stream.server.rights import MESSAGES
from pi_stream.server.sockets import abort, newest_wins
from pi_stream.server.turnstile import let_speak
from pi_stream.server.viewer import Viewer
from pi_stream.server.visits import LOGGED_OUT
from pi_stream.tally import SPAN
from pi_stream.window import DEFAULT, Window


async def websocket(request: web.Request) -> web.StreamResponse:
    """GET /ws"""
    house = request.app[HOUSE]
    with house.place(address_of(request)):
        return await _serve(house, request)


async def _serve(house: House, request: web.Request) -> web.StreamResponse:
    socket = response(house, VERSION)
    transport = await shake_hands(request, socket)
    if transport is None:
        return socket
    newest_wins(transport)
    let_speak(transport)
    viewer = Viewer(house, granted(house.access), socket, transport)
    hearing = Hearing(house, socket, viewer.address, lambda: viewer.feed.acked)

    def refuse(code: int, reason: str) -> None:
        hearing.refuses(code, reason)
        viewer.dismiss(code, reason)

    AckReader(transport, framing(house), viewer.feed.take_ack, refuse, viewer.feed.go_on)
    viewer.welcome()
    try:
        with house.access.visits.visit(viewer.grant, lambda: viewer.close(*LOGGED_OUT)):
            await viewer.run(_receive(house, viewer, hearing))
    except* ConnectionError:
        pass  # it went away in the middle of a message: that is how most viewers leave
    finally:
        viewer.feed.unwatch()
        house.viewers.leave(viewer)
        if (
            socket.close_code in (None, 1006) and not viewer.knows
        ):  # not a polite end: what the kernel holds for it goes with it
            abort(transport)
    return socket


async def _receive(house: House, viewer: Viewer, hearing: Hearing) -> None:
    most = house.config.limits.bad_messages
    bad: deque[int] = deque(maxlen=most)
    try:
        while (message := await hearing.next()) is not None:
            try:
                if message.type is not WSMsgType.TEXT:
                    raise BadMessage("expected a text message, got a binary one")
                await _do(house, viewer, parse_request(message.data))
            except Refused as error:
                if isinstance(error, BadMessage):
                    now = clock.now()
                    if len(bad) == most and now - bad[0] < SPAN:
                        text = f"more than {most} bad messages in 10 seconds"
                        house.refusals.count("limits.bad_messages", viewer.address, f"{text} (limits.bad_messages)")
                        viewer.dismiss(1008, text)
                        return
                    bad.append(now)
                elif isinstance(error, LimitReached):
                    house.refusals.count(error.limit, viewer.address, str(error))
                viewer.reply(Error(re=UNSET if error.re is None else error.re, code=error.code, message=str(error)))
            await asyncio.sleep(0)  # who says much at once takes turns with the others, and with what it is answered
    except Unheard as reason:
        viewer.dismiss(1008, str(reason))


async def _do(house: House, viewer: Viewer, request: Request) -> None:
    """Do what is asked, and say so. Raises Refused."""
    caption: Caption | UnsetType = UNSET
    try:
        if viewer.grant.right < (needed := MESSAGES[type(request)]):
            raise Forbidden(f"this takes the right to {needed.word}: log in first")
        if needed is Right.CONTROL:
            house.change(viewer.address)
        match request:
            case Ack(seq=seq):
                viewer.feed.ack(seq)
            case Ping(sent=sent):
                viewer.reply(Pong(sent=sent, clock=clock.now(), utc=clock.utc()))
            case Watch():
                _watch(house, viewer, request)
            case Unwatch():
                viewer.feed.unwatch()
            case CaptionPut(caption=draft):
                caption = house.captions.put(draft, by=viewer.name)
            case CaptionDelete(id=gone):
                house.captions.delete(gone)
            case Say(text=text):
                house.viewers.say(viewer, text)
            case Name(name=name):
                house.viewers.rename(viewer, name)
            case Controls(controls=controls):
                await house.camera.set_controls(controls)
    except Refused as error:
        error.re = request.id
        raise
    if request.id is not None:
        viewer.reply(Ok(re=request.id, caption=caption))


def _watch(house: House, viewer: Viewer, watch: Watch) -> None:
    camera = house.config.camera
    encoding = choose(watch.accept, house.encodings)
    auto = watch.quality == "auto" and watch.acks  # without acks nothing is known of the line
    quality = 0
    if encoding in LOSSY:
        quality = watch.quality if isinstance(watch.quality, int) else house.config.stream.quality
    fps = min(watch.fps or camera.fps, camera.fps)
    if not watch.acks:
        viewer.feed.keep_little()
    ladder = steps(camera.width, fps, quality, widest=watch.width)
    frames = DEFAULT if watch.window is UNSET else watch.window
    window = Window(frames if watch.acks else None, follows=auto and watch.window is UNSET, measured=auto)
    viewer.feed.watch(encoding, ladder if auto else ladder[:1], window)
    viewer.feed.ask_again = lambda: _watch(house, viewer, watch)
