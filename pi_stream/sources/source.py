"""The interface of every source: blocking, and used by one thread."""

from collections.abc import Mapping
from typing import Protocol

from pi_stream.media.frame import Frame
from pi_stream.media.source_state import SourceInfo


class Source(Protocol):
    """Gives frames of one size, numbered, in the colour space of `frame.Frame`.

    One thread opens, reads and closes it; only `interrupt` may be called by other threads.
    """

    def info(self) -> SourceInfo:
        """What the source says about itself, as far as it is known now: the colours of a webcam are known only after
        its first frame. It names no path but a device's.
        """

    def read(self) -> Frame:
        """Block until the next frame.

        Raises SourceUnavailable, with a reason that a person can use, when none will come.
        """

    def skip(self) -> int:
        """Block like `read`, drop that frame with as little work as possible, and return when it was captured
        (microseconds).

        Called only after a frame was read. The frame takes a number like any other. Raises what `read` raises.
        """

    def set_controls(self, controls: Mapping[str, object]) -> None:
        """Change camera controls, by libcamera's names.

        Raises Unsupported for a source without controls and for an unknown name, BadMessage for an impossible value.
        """

    def interrupt(self) -> None:
        """From any thread: end a `read` or `skip` that waits. It, and every later one, raises SourceUnavailable."""

    def close(self) -> None:
        """Release the device or the film. Closing twice is allowed."""
