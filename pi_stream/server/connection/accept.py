"""Accepting connections, also when no file descriptor is left for one more.

asyncio then accepts none for a second and tries again; connections wait in the kernel's queue. It would log a traceback
for each connection that it means to accept in one turn: hence `_ACCEPTS_PER_TURN`.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from pi_stream.errors import used_up

log = logging.getLogger(__name__)

_ACCEPTS_PER_TURN = 1  # connections in one turn of the event loop


async def accept(
    listener: socket.socket,
    protocols: Callable[[], asyncio.BaseProtocol],
    backlog: int,
    viewers: Callable[[], int],
) -> asyncio.Server:
    """Accept connections on a listening TCP socket; at most `backlog` wait. `viewers` counts the connected viewers."""
    loop = asyncio.get_running_loop()
    others = loop.get_exception_handler()
    loop.set_exception_handler(partial(_log_in_a_sentence, viewers, others))
    server = await loop.create_server(protocols, sock=listener, backlog=_ACCEPTS_PER_TURN)
    listener.listen(backlog)  # asyncio uses one number for both
    return server


def log_exhausted(error: BaseException | None, viewers: int) -> None:
    """Log why no connection can be accepted; `viewers` are connected."""
    log.error(
        "no connection can be accepted: %s; %d viewers are connected, and `ulimit -n`, or the unit's LimitNOFILE, "
        "limits the number of files and connections",
        getattr(error, "strerror", error),
        viewers,
    )


def _log_in_a_sentence(
    viewers: Callable[[], int],
    others: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None,
    loop: asyncio.AbstractEventLoop,
    context: dict[str, Any],
) -> None:
    error, message = context.get("exception"), str(context.get("message"))
    if used_up(error) and "accept" in message:
        log_exhausted(error, viewers())
    elif isinstance(error, ValueError) and "_start_serving" in message:
        pass  # the port was closed before asyncio tried again
    elif others is not None:
        others(loop, context)
    else:
        loop.default_exception_handler(context)
