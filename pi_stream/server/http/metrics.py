"""GET /metrics: numbers in the text format of Prometheus, version 0.0.4."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from aiohttp import web

from pi_stream.server.context import CONTEXT, AppContext


class Metric(NamedTuple):
    """One metric: its values by their labels. A value of None is unknown, and is left out."""

    name: str
    kind: str
    help: str
    values: Mapping[str, float | None]


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics"""
    lines = [line for metric in _metrics(request.app[CONTEXT]) for line in _lines(metric)]
    return web.Response(text="\n".join(lines) + "\n", content_type="text/plain")


def _lines(metric: Metric) -> Iterator[str]:
    known = {labels: value for labels, value in metric.values.items() if value is not None}
    if known:
        yield f"# HELP pi_stream_{metric.name} {metric.help}."
        yield f"# TYPE pi_stream_{metric.name} {metric.kind}"
        for labels, value in known.items():
            yield f"pi_stream_{metric.name}{labels} {value!r}"


def _metrics(context: AppContext) -> Iterable[Metric]:
    streams = {f'{{camera="{name}"}}': stream for name, stream in context.streams.items()}

    def gauge(name: str, text: str, value: float | None) -> Metric:
        return Metric(name, "gauge", text, {"": value})

    def counter(name: str, text: str, value: float) -> Metric:
        return Metric(name, "counter", text, {"": value})

    machine, lag = context.monitor.latest, context.lag
    yield Metric(
        "source_online",
        "gauge",
        "1 while the source delivers",
        {label: int(stream.supervisor.online) for label, stream in streams.items()},
    )
    yield Metric(
        "source_fps",
        "gauge",
        "Frames a second from the source",
        {label: stream.supervisor.fps for label, stream in streams.items()},
    )
    yield Metric("captions", "gauge", "Captions", {label: len(each.captions.all) for label, each in streams.items()})
    yield Metric(
        "channels",
        "gauge",
        "Encodings that are watched",
        {label: len(each.hub.channels) for label, each in streams.items()},
    )
    yield Metric(
        "failed_frames_total",
        "counter",
        "Frames that could not be encoded",
        {label: stream.hub.failed for label, stream in streams.items()},
    )
    yield gauge("viewers", "Viewers: pages, scripts and /stream.mjpg", context.viewers.count)
    yield counter(
        "stalled_viewers_total", "Connections closed because the client read nothing", context.stalls.disconnected
    )
    yield gauge("connections", "Connections that are open", len(context.connections))
    yield gauge("unread_bytes", "Bytes that wait for viewers that read slowly", context.connections.unread)
    yield gauge("tasks", "Tasks of asyncio, with the one of this answer", len(asyncio.all_tasks()))
    yield gauge("cpu_percent", "CPU in percent of one core, since the last second", machine.cpu_percent)
    yield gauge("memory_mebibytes", "Physical memory held", machine.memory_mb)
    yield gauge("loop_lag_p50_seconds", "How late the event loop is, median", lag.quantile_s(0.5))
    yield gauge("loop_lag_p99_seconds", "How late the event loop is, 99th percentile", lag.quantile_s(0.99))
    yield gauge("temperature_celsius", "Temperature of the processor", machine.temperature_c)
    for feature in context.features.values():
        yield from feature.metrics()
    yield Metric(
        "refused_total",
        "counter",
        "Refused because of this limit",
        {f'{{limit="{limit}"}}': count for limit, count in context.refusals.counts.items()},
    )
