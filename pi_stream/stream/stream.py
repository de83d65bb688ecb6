"""One camera's line: source, pipeline, captions and hub, and when they start and stop."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

from pi_stream.captions.fields import FieldContext
from pi_stream.captions.store import CaptionStore
from pi_stream.config.settings import CameraSettings, title_of
from pi_stream.encoders import ENCODERS
from pi_stream.errors import SourceStuck
from pi_stream.hub import ChannelLimit, Hub
from pi_stream.media.frame import Frame
from pi_stream.overlay import offline_picture
from pi_stream.protocol import CameraInfo
from pi_stream.sources import CaptureThread, SourceSpec, open_source
from pi_stream.sources.supervisor import SourceSupervisor
from pi_stream.stream.events import CaptionsChanged, Events, SourceChanged
from pi_stream.stream.pipeline import Pipeline

log = logging.getLogger(__name__)


class Stream:
    """Everything of one camera. `run` it in a task of its own; `opened` is set once its parts are there.

    `spec` is the chosen source. `captions_file` keeps its captions; None keeps them in memory. `pool` runs encoders.
    `fields` gives what the fields of captions show in a frame; `alive` is called at each sign of life of this camera;
    `utc_of` is `UtcClock.of`. `alone` says whether it is the only camera, which the log does not name.
    """

    def __init__(
        self,
        name: str,
        settings: CameraSettings,
        spec: SourceSpec,
        *,
        captions_file: Path | None,
        pool: Executor,
        channels: ChannelLimit,
        events: Events,
        fields: Callable[["Stream", Frame], FieldContext],
        alive: Callable[[], None],
        utc_of: Callable[[int], int | None],
        alone: Callable[[], bool] = lambda: True,
    ) -> None:
        self.name = name
        self.settings = settings
        self.opened = asyncio.Event()
        self._events = events
        self._utc_of = utc_of
        self._stopping = asyncio.Event()
        self.captions = CaptionStore(captions_file, on_change=self._captions_changed)
        self.hub = Hub(ENCODERS, pool, channels)
        self.pipeline = Pipeline(self.captions, self.hub, partial(fields, self))
        self.supervisor = SourceSupervisor(
            spec,
            open_source=self._open,
            offline_picture=offline_picture,
            show=self.pipeline.show,
            changed=self._source_changed,
            watched=self.hub.watched,
            idle_stop=settings.idle_stop,
            alive=alive,
            camera=lambda: "" if alone() else self.name,
            utc_of=utc_of,
        )

    @property
    def title(self) -> str:
        """What people read as its name."""
        return title_of(self.name, self.settings)

    @property
    def path(self) -> str:
        """Where its page is, relative to the root of the service."""
        return f"cameras/{self.name}/"

    @property
    def fault(self) -> str | None:
        """Why viewers get no pictures, or none in one of the encodings; None if all is well."""
        return self.supervisor.reason or self.hub.failure

    def info(self) -> CameraInfo:
        """What other programs are told of it."""
        source = self.supervisor
        return CameraInfo(
            name=self.name,
            title=self.title,
            path=self.path,
            online=source.online,
            reason=source.reason,
            kind=source.kind,
            width=self.settings.width,
            height=self.settings.height,
        )

    async def run(self) -> None:
        """Until `stop`, or cancelled. Raises SettingError if the source can never be opened, and lets bugs out."""
        async with self.captions, self.hub:
            self.opened.set()
            source = asyncio.create_task(self.supervisor.run(), name=f"source of {self.name}")
            stopping = asyncio.create_task(self._stopping.wait(), name=f"stop of {self.name}")
            try:
                await asyncio.wait((source, stopping), return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopping.cancel()
                source.cancel()
                await asyncio.wait((source,))
            if not source.cancelled():
                self._raise(source)

    def _raise(self, source: asyncio.Task[None]) -> None:
        """Raise what ended the source. One that hangs can only be freed by a new process: this is said first."""
        try:
            source.result()
        except* SourceStuck:
            reason = f"the camera {self.name} hangs, and pi-stream starts again to free it"
            log.error("%s; all cameras are away until then", reason, extra={"PI_STREAM_CAMERA": self.name})
            self._events.publish(SourceChanged(self.name, self.supervisor.kind, online=False, reason=reason))
            raise

    def stop(self) -> None:
        """Have `run` close the source and end."""
        self._stopping.set()

    def replace_source(self, spec: SourceSpec, settings: CameraSettings, *, reason: str | None = None) -> None:
        """Close the source and open another one by these settings; `reason` is what viewers read meanwhile."""
        self.settings = settings
        if reason is None:
            self.supervisor.replace(spec)
        else:
            self.supervisor.replace(spec, reason=reason)

    def take_over(self, settings: CameraSettings) -> None:
        """Put settings in force that need no other source."""
        self.settings = settings
        self.supervisor.idle_stop = settings.idle_stop

    def _open(self, spec: SourceSpec, seq: Iterator[int], controls: Mapping[str, object]) -> CaptureThread:
        """The source on its thread, not open yet."""
        return CaptureThread(
            lambda: open_source(spec, seq),
            controls=controls,
            finish=self.pipeline.process,
            watched=self.pipeline.watched,
            utc_of=self._utc_of,
            stall_timeout=spec.stall_timeout,
        )

    def _source_changed(self) -> None:
        source = self.supervisor
        self._events.publish(SourceChanged(self.name, source.kind, source.online, source.reason))

    def _captions_changed(self) -> None:
        self._events.publish(CaptionsChanged(self.name, self.captions.all))
