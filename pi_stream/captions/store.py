"""All captions: added, replaced, deleted, removed when their `ttl` is over, and kept over a restart."""

import asyncio
import logging
import re
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from pi_stream.captions.caption import MAX_TEXT_CHARACTERS, Caption, CaptionDraft, caption_from
from pi_stream.captions.state_file import State, load, save
from pi_stream.errors import BadMessage, LimitReached, NotFound
from pi_stream.lib import clock

log = logging.getLogger(__name__)

_GENERATED_ID = re.compile(r"c([0-9]{1,9})")
_MAX_GENERATED_ID = 999_999_999  # after c999999999 comes c1


class CaptionStore:
    """All captions of a stream, in the order in which they were created; later ones are drawn over earlier ones.

        async with CaptionStore(folder / "captions.json") as captions:
            captions.on_change = tell_every_viewer
            captions.put(CaptionDraft(text="Garage {time:%H:%M}"), by="Aki")

    `path` is the file that keeps them; None: a restart forgets them. `limit` is the largest number of captions, and
    `longest` the largest number of characters of one. `on_change` is called on the event loop after every change,
    including those by `ttl`. Use it on one event loop; only `all` may be read by any thread. A caption that has 5 s
    left when the service stops has 5 s left when the service starts again.
    """

    def __init__(self, path: Path | None, limit: int = 32, on_change: Callable[[], None] = lambda: None) -> None:
        self.on_change = on_change
        self._path = path
        self.limit = limit
        self.longest = MAX_TEXT_CHARACTERS
        self._captions: dict[str, Caption] = {}
        self._ends: dict[str, int] = {}  # by id, in microseconds of clock.now(), of those with a ttl
        self._all: tuple[Caption, ...] = ()
        self._numbered = 0  # the number in the id that was generated last
        self._timer: asyncio.TimerHandle | None = None
        self._wake = asyncio.Event()  # the writing task has something to do
        self._idle = asyncio.Event()  # it has nothing to do
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
            numbered = filter(None, map(_GENERATED_ID.fullmatch, self._captions))
            self._numbered = max((int(each[1]) for each in numbered), default=0)
            self._all = state.captions
        await self._tasks.__aenter__()
        if self._path is not None:
            self._tasks.create_task(self._write(), name="captions: write")
        self._set_timer()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        if self._ends:
            self._unwritten = True  # the time that is left has changed, even if nothing else has
        self._wake.set()
        # The error that ends the block is the caller's. The group would wrap it in an exception group.
        await self._tasks.__aexit__(None, None, None)

    @property
    def all(self) -> tuple[Caption, ...]:
        """All captions now. The tuple never changes, so any thread may read it."""
        return self._all

    def put(self, draft: CaptionDraft, *, by: str = "") -> Caption:
        """Add a caption, or replace the one with the same id, which keeps its place in the order. Its ttl starts now.

        A draft without an id gets the next free one of c1, c2 and so on. A `by` that is not empty replaces the
        draft's. Raises BadMessage for a draft that is not valid, and LimitReached if there are `limit` captions.
        """
        numbered = self._numbered if draft.id is not None else self._next()
        id = draft.id if draft.id is not None else f"c{numbered}"  # noqa: A001 - it is the field's name
        caption = caption_from(draft, id, by)
        if len(caption.text) > self.longest:
            raise BadMessage(
                f"captions.text: expected a text of 1 to {self.longest} characters (limits.caption_text), "
                f"got {len(caption.text)}"
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
        """Delete one caption. Raises NotFound, which names the id."""
        if id not in self._captions:
            raise NotFound(f"captions.id: there is no caption {id[:64]!r}")
        del self._captions[id]
        self._ends.pop(id, None)
        self._changed()

    def clear(self) -> None:
        """Delete all captions."""
        if self._captions:
            self._captions.clear()
            self._ends.clear()
            self._changed()

    def expire(self, now: int) -> bool:
        """Remove the captions whose ttl is over at `now` (microseconds of `clock.now()`). Returns whether there were
        any.

        The store's own timer calls this.
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
        """Wait until the newest change was written, or could not be. Returns whether the file has it.

        It is not necessary to call this: the end of the block writes what is left. Without a file it returns False.
        """
        if self._path is not None:
            await self._idle.wait()
        return self._path is not None and not self._unwritten

    def _changed(self) -> None:
        self._all = tuple(self._captions.values())
        self._unwritten = True
        self._idle.clear()
        self._wake.set()
        self._set_timer()
        self.on_change()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._ends:
            delay_s = (min(self._ends.values()) - clock.now()) / 1e6
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._ttl_over)

    def _ttl_over(self) -> None:
        if not self.expire(clock.now()):
            self._set_timer()  # the timer was a little early

    def _next(self) -> int:
        """The next number that no id has. There are far more numbers than captions."""
        number = self._numbered % _MAX_GENERATED_ID + 1
        while f"c{number}" in self._captions:
            number = number % _MAX_GENERATED_ID + 1
        return number

    def _state(self) -> State:
        now = clock.now()
        return State(self._all, {each: max(end - now, 0) / 1e6 for each, end in self._ends.items()})

    async def _write(self) -> None:
        """Write the newest state after each change, on a thread. An error that repeats is logged once."""
        problem = ""
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
                    self._unwritten = True  # tried again at the next change and at the end
                    if problem != (problem := str(error.strerror or error)):
                        log.warning("the captions cannot be kept in %s: %s; a restart would lose them", path, problem)
                else:
                    if problem:
                        log.info("the captions are kept in %s again", path)
                    problem = ""
            if closing:
                return
