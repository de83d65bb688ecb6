"""A stream: the whole line of one camera, from its source to the packets of its hub, and the events of the service."""

from pi_stream.stream.events import CamerasChanged, CaptionsChanged, Event, Events, SourceChanged, ViewersChanged
from pi_stream.stream.pipeline import Pipeline
from pi_stream.stream.stream import Stream
from pi_stream.stream.streams import Streams

__all__ = [
    "CamerasChanged",
    "CaptionsChanged",
    "Event",
    "Events",
    "Pipeline",
    "SourceChanged",
    "Stream",
    "Streams",
    "ViewersChanged",
]
