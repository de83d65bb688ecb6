"""What every source is: blocking, and used by one thread."""

from collections.abc import Mapping
from typing import Protocol

from pi_stream.media.frame import Frame

Json = str | int | float | bool | None | list[str]


class Source(Protocol):
    """Yields frames of one size, numbered on, in the colour space of `frame.Frame`.

    One thread opens, reads and closes it; `interrupt` alone may be called by another.
    """

    kind: str
    """"picamera2", "v4l2", "file" or "synthetic"."""

    def describe(self) -> dict[str, Json]:
        """The facts that viewers read: `kind`, `name`, `width`, `height` (pixels), `fps`, `colour` (what came in, and
        whether it is converted), and what else this kind knows. No path but a device's.
        """

    def read(self) -> Frame:
        """Block until the next frame.

        Raises SourceUnavailable, with a reason that a person can use, when none will come.
        """

    def skip(self) -> int:
        """Block as `read` does, and let that frame pass, with as little work as can be: when it was captured
        (microseconds).

        Called only after a frame was read. It takes a number as others do. Raises what `read` raises.
        """

    def set_controls(self, controls: Mapping[str, object]) -> None:
        """Change camera controls, by libcamera's names.

        Raises Unsupported where there are none, or none of that name, and BadMessage for an impossible value.
        """

    def interrupt(self) -> None:
        """From any thread: end a `read` or `skip` that waits. It, and every later one, raises SourceUnavailable."""

    def close(self) -> None:
        """Let go of the device or the film. Closing twice is closing once."""
