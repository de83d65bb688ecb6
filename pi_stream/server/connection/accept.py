"""What becomes of those who come when no file descriptor is left for one more connection.

asyncio accepts nobody for a second then, and tries again; they wait in the kernel's queue meanwhile. It would do so,
and say so with a traceback, once for each of the connections that it means to accept in one turn: hence `_AT_ONCE`.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from pi_stream.errors import used_up

log = logging.getLogger(__name__)

_AT_ONCE = 1  # connections that are accepted in one turn of the event loop


async def accept(
    listener: socket.socket,
    protocols: Callable[[], asyncio.BaseProtocol],
    backlog: int,
    viewers: Callable[[], int],
) -> asyncio.Server:
    """Let in who comes to a listening TCP socket; at most `backlog` wait. `viewers` counts those who are connected."""
    loop = asyncio.get_running_loop()
    others = loop.get_exception_handler()
    loop.set_exception_handler(partial(_log_in_a_sentence, viewers, others))
    server = await loop.create_server(protocols, sock=listener, backlog=_AT_ONCE)
    listener.listen(backlog)  # asyncio takes the one number for both
    return server


def tell(error: BaseException | None, viewers: int) -> None:
    """Say in the log why nobody is let in while so many are connected."""
    log.error(
        "nobody can be let in: %s; %d viewers are connected, and `ulimit -n`, or the unit's LimitNOFILE, says how "
        "many files and connections there may be",
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
        tell(error, viewers())
    elif isinstance(error, ValueError) and "_start_serving" in message:
        pass  # the second was over when the port was closed already
    elif others is not None:
        others(loop, context)
    else:
        loop.default_exception_handler(context)
