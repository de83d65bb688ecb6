"""Bugs where nobody awaits: asyncio would log what a callback or a protocol raises, and go on without it."""

import asyncio
from collections.abc import Callable
from traceback import walk_tb
from typing import Any

_OURS = "pi_stream"
_NOT_OURS = "aiohttp"  # it calls us, and we call it


def let_out(loop: asyncio.AbstractEventLoop, fail: Callable[[BaseException], None]) -> None:
    """Have `fail` told of those that are ours; whatever else happens there is logged as ever.

    Others' bugs end at most the connection that brought them: what a stranger sends must not end the service.
    """

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException) and _is_ours(error):
            fail(error)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)


def _is_ours(error: BaseException) -> bool:
    """Whether our code was the last to act, and what it met is no fault of the system's."""
    names = [frame.f_globals.get("__name__", "").partition(".")[0] for frame, _ in walk_tb(error.__traceback__)]
    last = next((name for name in reversed(names) if name in (_OURS, _NOT_OURS)), None)
    return last == _OURS and not isinstance(error, OSError | MemoryError)
