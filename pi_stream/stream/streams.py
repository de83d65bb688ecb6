"""All streams of the service by name; the first one is the camera of the paths without a name."""

from collections.abc import Iterator, Mapping

from pi_stream.errors import NotFound
from pi_stream.protocol import CameraInfo
from pi_stream.stream.stream import Stream


class Streams(Mapping[str, Stream]):
    """The streams in the order of the settings. Belongs to the event loop; there is always at least one."""

    def __init__(self) -> None:
        self._streams: dict[str, Stream] = {}

    def __getitem__(self, name: str) -> Stream:
        """Raises NotFound, which names the cameras there are."""
        try:
            return self._streams[name]
        except KeyError:
            names = ", ".join(self._streams)
            raise NotFound(f"there is no camera {name[:64]!r}; there are: {names}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._streams

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._streams))

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def first(self) -> Stream:
        """The camera of the section [camera]."""
        return next(iter(self._streams.values()))

    def infos(self) -> tuple[CameraInfo, ...]:
        """What other programs are told of each camera."""
        return tuple(stream.info() for stream in self._streams.values())

    def put(self, streams: Mapping[str, Stream]) -> None:
        """Replace all of them, in this order."""
        self._streams = dict(streams)
