"""Every message of a viewer, one row each: the right that it needs, and what is done."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pi_stream.auth.rights import Right
from pi_stream.captions.caption import Caption
from pi_stream.errors import Forbidden, Refused
from pi_stream.lib import clock
from pi_stream.protocol import (
    Ack,
    CaptionDelete,
    CaptionPut,
    Controls,
    Name,
    Ping,
    Pong,
    Request,
    Say,
    Unwatch,
    Watch,
)
from pi_stream.server.context import AppContext
from pi_stream.server.websocket.viewer import Viewer

R = TypeVar("R", bound=Request)
VIEW, CONTROL = Right.VIEW, Right.CONTROL


@dataclass(frozen=True)
class MessageRow(Generic[R]):
    """One message. `do` does what it asks, and returns the caption that it put, if any. It may raise Refused."""

    kind: type[R]
    right: Right
    do: Callable[[AppContext, Viewer, R], Awaitable[Caption | None]]


async def do(context: AppContext, viewer: Viewer, request: Request) -> Caption | None:
    """Do what a viewer asks. Raises Refused, with the id of the request."""
    row = ROWS[type(request)]
    try:
        if viewer.grant.right < row.right:
            raise Forbidden(f"this needs the right to {row.right.word}: log in first")
        if row.right is CONTROL:
            context.count_change(viewer.address)
        return await row.do(context, viewer, request)
    except Refused as error:
        error.re = request.id
        raise


async def _watch(context: AppContext, viewer: Viewer, request: Watch) -> None:  # noqa: ARG001 - as all rows
    viewer.feed.watch(request)


async def _ack(context: AppContext, viewer: Viewer, request: Ack) -> None:  # noqa: ARG001
    viewer.feed.ack(request.seq)


async def _unwatch(context: AppContext, viewer: Viewer, request: Unwatch) -> None:  # noqa: ARG001
    viewer.feed.unwatch()


async def _ping(context: AppContext, viewer: Viewer, request: Ping) -> None:  # noqa: ARG001
    viewer.reply(Pong(sent=request.sent, clock=clock.now(), utc=clock.utc()))


async def _put_caption(context: AppContext, viewer: Viewer, request: CaptionPut) -> Caption:  # noqa: ARG001
    return viewer.stream.captions.put(request.caption, by=viewer.name)


async def _delete_caption(context: AppContext, viewer: Viewer, request: CaptionDelete) -> None:  # noqa: ARG001
    viewer.stream.captions.delete(request.id)


async def _say(context: AppContext, viewer: Viewer, request: Say) -> None:
    context.viewers.say(viewer, request.text)


async def _name(context: AppContext, viewer: Viewer, request: Name) -> None:
    context.viewers.rename(viewer, request.name)


async def _controls(context: AppContext, viewer: Viewer, request: Controls) -> None:  # noqa: ARG001
    await viewer.stream.supervisor.set_controls(request.controls)


# Any: a mapping cannot say that a key and its row are of the same type; `MessageRow` does.
ROWS: Mapping[type[Request], MessageRow[Any]] = {
    row.kind: row
    for row in (
        MessageRow(Watch, VIEW, _watch),
        MessageRow(Ack, VIEW, _ack),  # most are read by `AckReader` instead; the handshake needed the right to view
        MessageRow(Unwatch, VIEW, _unwatch),
        MessageRow(Ping, VIEW, _ping),
        MessageRow(CaptionPut, CONTROL, _put_caption),
        MessageRow(CaptionDelete, CONTROL, _delete_caption),
        MessageRow(Say, CONTROL, _say),
        MessageRow(Name, CONTROL, _name),
        MessageRow(Controls, CONTROL, _controls),
    )
}
