"""The captions there are: put, deleted, gone when their time is up, and still there after a restart."""

import asyncio
import logging
import re
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from pi_stream.captions.caption import LONGEST_TEXT, Caption, CaptionDraft, caption_from
from pi_stream.captions.state_file import State, load, save
from pi_stream.errors import BadMessage, LimitReached, NotFound
from pi_stream.lib import clock

log = logging.getLogger(__name__)

_OURS = re.compile(r"c([0-9]{1,9})")  # an id as captions are given one
_MOST = 999_999_999  # the highest number in them, after which comes c1 again


class CaptionStore:
    """All captions, in the order in which they were first put; later ones are drawn over earlier ones.

        async with Captions(folder / "captions.json") as captions:
            captions.on_change = tell_every_viewer
            captions.put(CaptionDraft(text="Garage {time:%H:%M}"), by="Aki")

    `path` is the file that keeps them, None for captions that a restart forgets; `limit` is how many there may be, and
    `longest` how many characters one may have.
    `on_change` is called on the event loop after every change, those by `ttl` too. Everything belongs to one event
    loop, but `all` may be read by any thread. A caption that has 5 s left when the service stops has 5 s left when it
    starts again.
    """

    def __init__(self, path: Path | None, limit: int = 32, on_change: Callable[[], None] = lambda: None) -> None:
        self.on_change = on_change
        self._path = path
        self.limit = limit
        self.longest = LONGEST_TEXT
        self._captions: dict[str, Caption] = {}
        self._ends: dict[str, int] = {}  # by id, microseconds of clock.now(), for those with a ttl
        self._all: tuple[Caption, ...] = ()
        self._numbered = 0  # the number in the id that was given last
        self._timer: asyncio.TimerHandle | None = None
        self._wake = asyncio.Event()  # there is something for the writing task to do
        self._idle = asyncio.Event()  # and there is not, now
        self._unwritten = False
        self._closing = False
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        if self._path is not None:
            state = await asyncio.to_thread(load, self._path)
            now = clock.now()
            self._captions = {caption.id: caption for caption in state.captions}
            for caption in state.captions:
                if caption.ttl is not None:
                    left = min(max(state.left.get(caption.id, caption.ttl), 0), caption.ttl)
                    self._ends[caption.id] = now + round(left * 1e6)
            numbered = filter(None, map(_OURS.fullmatch, self._captions))
            self._numbered = max((int(each[1]) for each in numbered), default=0)
            self._all = state.captions
        await self._tasks.__aenter__()
        if self._path is not None:
            self._tasks.create_task(self._write(), name="captions: write")
        self._wind_timer()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        if self._ends:
            self._unwritten = True  # what is left of their time has changed, if nothing else has
        self._wake.set()
        # Whatever ends the block is the caller's; the group is told of it by being asked to finish, not by being given
        # the error, which it would wrap.
        await self._tasks.__aexit__(None, None, None)

    @property
    def all(self) -> tuple[Caption, ...]:
        """Every caption, as they are now: a value that no later change touches, so any thread may have it."""
        return self._all

    def put(self, draft: CaptionDraft, *, by: str = "") -> Caption:
        """Add a caption, or with the id of one that there is replace it where it stands; its ttl starts now.

        One without an id gets c1, c2 and so on, whichever nobody else has taken.
        `by`, when given, is who wrote it, whatever the draft says. Raises BadMessage for a draft that cannot be, and
        LimitReached when there is no room for another.
        """
        numbered = self._numbered if draft.id is not None else self._next()
        id = draft.id if draft.id is not None else f"c{numbered}"  # noqa: A001 - it is the field's name
        caption = caption_from(draft, id, by)
        if len(caption.text) > self.longest:
            raise BadMessage(
                f"captions.text: expected a text of 1 to {self.longest} characters, got {len(caption.text)}; "
                "limits.caption_text says so"
            )
        if id not in self._captions and len(self._captions) >= self.limit:
            raise LimitReached(
                f"captions: there are {self.limit} already, as many as overlay.max_captions allows",
                limit="overlay.max_captions",
                wait=60,
            )
        self._captions[id] = caption
        self._numbered = numbered
        self._ends.pop(id, None)
        if caption.ttl is not None:
            self._ends[id] = clock.now() + round(caption.ttl * 1e6)
        self._changed()
        return caption

    def delete(self, id: str) -> None:  # noqa: A002 - it is the field's name
        """Remove one caption. Raises NotFound, which names the id."""
        if id not in self._captions:
            raise NotFound(f"captions.id: there is no caption {id[:64]!r}")
        del self._captions[id]
        self._ends.pop(id, None)
        self._changed()

    def clear(self) -> None:
        """Remove every caption."""
        if self._captions:
            self._captions.clear()
            self._ends.clear()
            self._changed()

    def expire(self, now: int) -> bool:
        """Remove those whose time is up at `now`, in microseconds of `clock.now()`; whether there were any.

        Called by a timer of its own when the time comes; nobody else needs to.
        """
        gone = [each for each, end in self._ends.items() if end <= now]
        for each in gone:
            del self._captions[each], self._ends[each]
        if gone:
            self._changed()
        return bool(gone)

    async def move_to(self, path: Path) -> None:
        """Keep the captions in another file from now on, and remove the old one."""
        old, self._path = self._path, path
        if old is None or old == path:
            return
        self._changed()
        if await self.written():
            await asyncio.to_thread(old.unlink, missing_ok=True)

    async def written(self) -> bool:
        """Wait until the newest change is in the file, or could not be written; which of the two.

        Nobody has to: what is unwritten is written when the block ends. Without a file the answer is False.
        """
        if self._path is not None:
            await self._idle.wait()
        return self._path is not None and not self._unwritten

    def _changed(self) -> None:
        self._all = tuple(self._captions.values())
        self._unwritten = True
        self._idle.clear()
        self._wake.set()
        self._wind_timer()
        self.on_change()

    def _wind_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._ends:
            wait = (min(self._ends.values()) - clock.now()) / 1e6
            self._timer = asyncio.get_running_loop().call_later(wait, self._time_is_up)

    def _time_is_up(self) -> None:
        if not self.expire(clock.now()):
            self._wind_timer()  # timers may be a little early

    def _next(self) -> int:
        """The next number that is in no id: there are far more of them than captions."""
        number = self._numbered % _MOST + 1
        while f"c{number}" in self._captions:
            number = number % _MOST + 1
        return number

    def _state(self) -> State:
        now = clock.now()
        return State(self._all, {each: max(end - now, 0) / 1e6 for each, end in self._ends.items()})

    async def _write(self) -> None:
        """Write what is newest after each change, off the event loop; a fault is told once while it lasts."""
        fault = ""
        while True:
            if not self._wake.is_set():
                self._idle.set()
                await self._wake.wait()
            self._wake.clear()
            closing = self._closing
            path = self._path
            if self._unwritten and path is not None:
                self._unwritten = False
                try:
                    await asyncio.to_thread(save, path, self._state())
                except OSError as error:
                    self._unwritten = True  # tried again at the next change, and at the end
                    if fault != (fault := str(error.strerror or error)):
                        log.warning("the captions cannot be kept in %s: %s; a restart would lose them", path, fault)
                else:
                    if fault:
                        log.info("the captions are kept in %s again", path)
                    fault = ""
            if closing:
                return
