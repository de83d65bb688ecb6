"""The file that captions are kept in between two lives of the service."""

import logging
from pathlib import Path

import msgspec

from pi_stream.captions.caption import Caption, caption_from
from pi_stream.lib import atomic_file
from pi_stream.lib.quarantine import quarantine

log = logging.getLogger(__name__)

_LARGEST = 4 << 20  # bytes; a thousand captions are less


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept: the captions in their order, and by id how many seconds were left of those that go by themselves.

    What is left is kept rather than a time of day, since a Pi without a clock's battery wakes up in the past.
    """

    captions: tuple[Caption, ...] = ()
    left: dict[str, float] = {}


def load(path: Path) -> State:
    """Read what `save` wrote. Blocks; raises nothing.

    No file is an empty state. So is one that is damaged or cannot be read: it is renamed to `<name>.damaged-1` to `-5`,
    lest the next save write over it, and the log says so.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return State()
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
    else:
        try:
            return _checked(data)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            problem = f"are damaged ({error})"
    log.warning("the captions in %s %s; %s; starting without captions", path, problem, quarantine(path))
    return State()


def save(path: Path, state: State) -> None:
    """Replace the file by one that is whole: whatever happens meanwhile, the old or the new one is there. Blocks.

    Raises OSError when it cannot be written for certain; then it is best tried again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_file.write(path, msgspec.json.format(msgspec.json.encode(state)))


def _checked(data: bytes) -> State:
    if len(data) > _LARGEST:
        raise ValueError(f"more than {_LARGEST >> 20} MiB")
    state = msgspec.json.decode(data, type=State)
    if len({caption.id for caption in state.captions}) < len(state.captions):
        raise ValueError("an id stands twice")
    return State(tuple(caption_from(caption, caption.id) for caption in state.captions), state.left)
