"""USB cameras, through libav's V4L2 input."""

import errno
import threading
import time
from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import floor
from typing import NamedTuple

import av
from av.container import InputContainer

from pi_stream.errors import SourceUnavailable, Unsupported
from pi_stream.lib import clock
from pi_stream.media.frame import Frame
from pi_stream.media.source_state import SourceInfo
from pi_stream.sources.convert import Converter
from pi_stream.sources.spec import CaptureFormat
from pi_stream.sources.webcam.devices import Device, capture_devices, query, reason
from pi_stream.sources.webcam.timestamps import timestamp_of

_NONBLOCK = 4  # AVFMT_FLAG_NONBLOCK, which libav's options know by number only
_POLL_PERIOD_S = 0.002  # between two looks for a frame that is about to come
_MAX_AGE_US = 10_000_000  # an older timestamp belongs to another clock
_UNSPECIFIED, _BT601 = 2, 6  # AVColorSpace


class _Grabbed(NamedTuple):
    frame: av.VideoFrame | None  # None: not decoded, because it is skipped
    captured: int


class V4l2Source:
    """The newest frame of a capture device; `path` is a device node or a link to one, or "" for the first camera.

    The device chooses the nearest size and rate that it has, and the picture is scaled to ours. `captured` is the
    kernel's timestamp of the frame if it is of the monotonic clock; else it is when the frame was read.
    """

    def __init__(self, path: str, wanted: CaptureFormat, seq: Iterator[int], stall_timeout: float) -> None:
        self._wanted_format, self._seq, self._stall_timeout = wanted, seq, stall_timeout
        self._device = _device(path)
        self._convert = Converter(wanted.width, wanted.height, wanted.rotation)
        self._interrupted = threading.Event()
        self._container = _opened(self._device.path, wanted, stall_timeout)
        self._video = self._container.streams.video[0]
        self._timestamp = timestamp_of(self._device.path)
        self._stamped = True  # whether the newest frame had a timestamp of the monotonic clock
        # Threads that each keep a frame would make every frame late.
        self._video.thread_type = "SLICE"
        self._rate = float(self._video.average_rate or wanted.fps)
        # If every packet is a whole picture, older ones need not be decoded.
        self._whole = self._video.codec_context.name in ("rawvideo", "mjpeg")
        self._next_look = 0.0
        self._origin: int | None = None
        self._tick = -1

    def info(self) -> SourceInfo:
        """See Source."""
        return SourceInfo(
            kind="v4l2",
            name=self._device.card,
            width=self._convert.width,
            height=self._convert.height,
            fps=min(self._wanted_format.fps, self._rate),
            rotation=self._wanted_format.rotation,
            colour=self._convert.colour,
            timestamp=self._timestamp if self._stamped else "read",
            codec=self._video.codec_context.name,
            device=self._device.path,
            driver=self._device.driver,
        )

    def read(self) -> Frame:
        """See Source."""
        newest = self._next(decoded=True)
        assert newest.frame is not None  # noqa: S101 - for the type checker; it was to be decoded
        data = self._convert.convert(newest.frame, self._video.sample_aspect_ratio)
        number = next(self._seq) & 0xFFFFFFFF
        return Frame(data, self._convert.width, self._convert.height, number, newest.captured)

    def skip(self) -> int:
        """See Source."""
        captured = self._next(decoded=not self._whole).captured
        next(self._seq)
        return captured

    def set_controls(self, controls: Mapping[str, object]) -> None:
        """See Source."""
        raise Unsupported(f"a V4L2 camera has none of libcamera's controls, so {', '.join(controls)} cannot be set")

    def interrupt(self) -> None:
        """See Source."""
        self._interrupted.set()

    def close(self) -> None:
        """See Source."""
        self._container.close()

    def _next(self, *, decoded: bool) -> _Grabbed:
        """Wait for the next frame that is wanted at our rate. Raises SourceUnavailable."""
        deadline = time.monotonic() + self._stall_timeout
        # Looking is useless until shortly before a frame can be there.
        while not self._interrupted.wait(max(_POLL_PERIOD_S, self._next_look - time.monotonic())):
            newest = self._newest(decoded=decoded)
            if newest is not None:
                self._next_look = time.monotonic() + 0.8 / self._rate
                deadline = time.monotonic() + self._stall_timeout
                if self._wanted(newest):
                    return newest
            elif time.monotonic() > deadline:
                raise SourceUnavailable(f"no frame from {self._device.path} for {self._stall_timeout:g} s")
        raise SourceUnavailable("the source is being closed")

    def _newest(self, *, decoded: bool) -> _Grabbed | None:
        """The newest of all the frames that wait, `decoded` or not; None when none waits."""
        newest, packets = None, self._waiting()
        if not decoded:
            return _Grabbed(None, self._captured(packets[-1])) if packets else None
        for packet in packets:
            try:
                for frame in packet.decode():
                    if isinstance(frame, av.VideoFrame):
                        newest = _Grabbed(frame, self._captured(packet))
            except av.FFmpegError:
                continue  # half a picture, through a bad cable; another one comes, or else the deadline
        if newest is not None and newest.frame is not None and newest.frame.colorspace == _UNSPECIFIED:
            # V4L2's default for what a webcam gives without compression is BT.601 at every size.
            newest.frame.colorspace = _BT601
        return newest

    def _waiting(self) -> list["av.Packet[av.VideoStream]"]:
        packets: list[av.Packet[av.VideoStream]] = []
        try:
            for packet in self._container.demux(self._video):
                if self._whole:
                    packets.clear()
                packets.append(packet)
        except BlockingIOError:
            return packets
        except av.FFmpegError as error:
            raise SourceUnavailable(reason(self._device.path, error.errno, error.strerror)) from error
        raise SourceUnavailable(f"{self._device.path} has ended")

    def _captured(self, packet: "av.Packet[av.VideoStream]") -> int:
        """The kernel's timestamp (microseconds, CLOCK_MONOTONIC like `clock.now`), or now if it is of another clock."""
        now, stamp = clock.now(), packet.pts
        self._stamped = stamp is not None and 0 <= now - stamp < _MAX_AGE_US
        return stamp if stamp is not None and self._stamped else now

    def _wanted(self, grabbed: _Grabbed) -> bool:
        """Whether it is the first within its 1 / fps; up to a quarter of that early counts as in time."""
        self._origin = grabbed.captured if self._origin is None else self._origin
        tick = floor((grabbed.captured - self._origin) * self._wanted_format.fps / 1e6 + 0.25)
        wanted = tick > self._tick
        self._tick = max(tick, self._tick)
        return wanted


def _device(path: str) -> Device:
    if path:
        return query(path)
    devices = capture_devices()
    if not devices:
        raise SourceUnavailable("no /dev/video* capture device; is a webcam plugged in?")
    return devices[0]


def _opened(path: str, wanted: CaptureFormat, timeout_s: float) -> InputContainer:
    """The device, set to the nearest format that it has.

    MJPEG is tried first for sizes above VGA: few cameras get such pictures uncompressed through USB 2 at full rate.
    """
    first, second = ("mjpeg", "") if wanted.width * wanted.height > 640 * 480 else ("", "mjpeg")
    options = {
        "video_size": f"{wanted.width}x{wanted.height}",
        "framerate": str(Fraction(wanted.fps).limit_denominator(1001)),
        "fflags": f"+{_NONBLOCK}",
    }
    problem: av.FFmpegError | None = None
    for layout in (first, second):
        chosen = {"input_format": layout} if layout else {}
        try:
            # Only the container's options: for a decoder `video_size` is an order, and the device may have another.
            return av.open(path, format="v4l2", container_options=options | chosen, timeout=timeout_s)
        except av.FFmpegError as error:
            # EINVAL only says that the device has no such layout; what else went wrong says more.
            problem = error if problem is None or problem.errno == errno.EINVAL else problem
    assert problem is not None  # noqa: S101 - for the type checker; there were two tries
    raise SourceUnavailable(reason(path, problem.errno, problem.strerror)) from problem
