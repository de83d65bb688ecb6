"""The file that keeps the captions while the service is stopped."""

import logging
from pathlib import Path

import msgspec

from pi_stream.captions.caption import Caption, caption_from
from pi_stream.lib import atomic_file
from pi_stream.lib.quarantine import quarantine

log = logging.getLogger(__name__)

_MAX_BYTES = 4 << 20  # a thousand captions take less


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The captions in their order, and by id the seconds that were left of those with a `ttl`.

    The file has the time left, not a time of day: a Pi without a battery for its clock starts with a time in the past.
    """

    captions: tuple[Caption, ...] = ()
    left: dict[str, float] = {}


def load(path: Path) -> State:
    """Read what `save` wrote. Blocks; raises nothing.

    Without a file the state is empty. It is also empty if the file is damaged or cannot be read: then the file is
    renamed to `<name>.damaged-1` to `-5`, so that the next save does not replace it, and a warning is logged.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
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
    """Replace the file atomically: after a crash either the old or the new file is there. Blocks.

    Raises OSError if the new file cannot be written to the disk. The old one then still stands.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_file.write(path, msgspec.json.format(msgspec.json.encode(state)))


def _checked(data: bytes) -> State:
    if len(data) > _MAX_BYTES:
        raise ValueError(f"more than {_MAX_BYTES >> 20} MiB")
    state = msgspec.json.decode(data, type=State)
    if len({caption.id for caption in state.captions}) < len(state.captions):
        raise ValueError("two captions have the same id")
    return State(tuple(caption_from(caption, caption.id) for caption in state.captions), state.left)
