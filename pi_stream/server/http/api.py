"""JSON for scripts and dashboards: how the service is, and the captions."""

import asyncio
from typing import Any

import msgspec
from aiohttp import web

from pi_stream import __version__
from pi_stream.errors import NotFound
from pi_stream.lib import clock
from pi_stream.protocol import parse_caption
from pi_stream.server.context import CONTEXT, AppContext
from pi_stream.server.http.request_body import body_of
from pi_stream.server.security.access import address_of


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value),
        content_type="application/json",
        status=status,
        headers={"Cache-Control": "no-store"},
    )


async def healthz(request: web.Request) -> web.Response:
    """GET /healthz: 200 while frames flow, 503 with the reason while they do not, be it in one encoding alone."""
    context = request.app[CONTEXT]
    camera = context.camera
    reason = camera.reason or context.hub.failure
    ok = camera.online and reason is None
    state = {"ok": ok, "source": camera.kind, "fps": round(camera.fps, 1), "reason": reason}
    return _json(state, 200 if ok else 503)


async def status(request: web.Request) -> web.Response:
    """GET /api/status"""
    return _json(_status(request.app[CONTEXT]))


def _status(context: AppContext) -> dict[str, Any]:
    return {
        "version": __version__,
        "uptime_s": round((clock.now() - context.started) / 1e6, 1),
        "jpeg": context.jpeg,
        "source": context.camera.describe(),
        "captions": len(context.captions.all),
        "viewers": [
            {"id": viewer.id, "name": viewer.name, "dropped": viewer.dropped, "watching": viewer.watching}
            for viewer in context.viewers
        ],
        "channels": [
            {
                "encoding": channel.settings.encoding,
                "width": channel.settings.width,
                "height": channel.settings.height,
                "quality": channel.settings.quality or None,
                "subscriptions": len(channel.subscriptions),
                "encoded": channel.encoded,
                "dropped": channel.dropped,
                "failed": channel.failing.count,
                "encode_ms": round(channel.encode_us / 1000, 2),
            }
            for channel in context.hub.channels
        ],
        "vitals": msgspec.to_builtins(context.vitals.latest),
    }


async def doctor(request: web.Request) -> web.Response:
    """GET /api/doctor: what `pi-stream doctor` says, of this service; at most ten seconds old."""
    return _json(await request.app[CONTEXT].checkup.report())


async def next_steps(request: web.Request) -> web.Response:
    """GET /api/next: what is still to do on a new appliance; nothing where it is none."""
    return _json({"steps": request.app[CONTEXT].next_steps()})


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics, in Prometheus' text format (version 0.0.4)."""
    context = request.app[CONTEXT]
    vitals = context.vitals.latest
    rows: list[tuple[str, str, str, float | None]] = [
        ("source_online", "gauge", "1 while the source delivers", int(context.camera.online)),
        ("source_fps", "gauge", "Frames a second from the source", context.camera.fps),
        ("viewers", "gauge", "Viewers, of pages, scripts and /stream.mjpg", context.viewers.count),
        ("stalled_viewers_total", "counter", "Connections let go because they read nothing", context.stalls.let_go),
        ("connections", "gauge", "Connections that are open", len(context.connections)),
        ("unread_bytes", "gauge", "Bytes that wait for viewers who read slowly", context.connections.unread),
        ("captions", "gauge", "Captions of the overlay", len(context.captions.all)),
        ("channels", "gauge", "Encodings that are watched", len(context.hub.channels)),
        ("failed_frames_total", "counter", "Frames that could not be encoded", context.hub.failed),
        ("tasks", "gauge", "Of asyncio, this answer's own included", len(asyncio.all_tasks())),
        ("cpu_percent", "gauge", "Of one core, since the last second", vitals.cpu_percent),
        ("memory_mebibytes", "gauge", "Physical memory held", vitals.memory_mb),
        ("loop_lag_p50_seconds", "gauge", "How late the event loop is, half of the time", context.lag.quantile_s(0.5)),
        (
            "loop_lag_p99_seconds",
            "gauge",
            "How late it is at worst, but for one time in 100",
            context.lag.quantile_s(0.99),
        ),
        ("temperature_celsius", "gauge", "Of the processor", vitals.temperature_c),
    ]
    lines = []
    for name, kind, text, value in rows:
        if value is not None:
            lines += [
                f"# HELP pi_stream_{name} {text}.",
                f"# TYPE pi_stream_{name} {kind}",
                f"pi_stream_{name} {value!r}",
            ]
    lines += [
        "# HELP pi_stream_refused_total Refused because of this limit.",
        "# TYPE pi_stream_refused_total counter",
        *(f'pi_stream_refused_total{{limit="{limit}"}} {count}' for limit, count in context.refusals.counts.items()),
    ]
    return web.Response(text="\n".join(lines) + "\n", content_type="text/plain")


# --- captions


async def list_captions(request: web.Request) -> web.Response:
    """GET /api/captions"""
    return _json({"captions": request.app[CONTEXT].captions.all})


async def get_caption(request: web.Request) -> web.Response:
    """GET /api/captions/{id}"""
    wanted = request.match_info["id"]
    for caption in request.app[CONTEXT].captions.all:
        if caption.id == wanted:
            return _json(caption)
    raise NotFound(f"there is no caption {wanted!r}")


async def post_caption(request: web.Request) -> web.Response:
    """POST /api/captions: create one; 201 with the caption as it became."""
    request.app[CONTEXT].change(address_of(request))
    return _json(request.app[CONTEXT].captions.put(parse_caption(await body_of(request))), 201)


async def put_caption(request: web.Request) -> web.Response:
    """PUT /api/captions/{id}: create that one, 201, or replace it."""
    context, wanted = request.app[CONTEXT], request.match_info["id"]
    context.change(address_of(request))
    draft = parse_caption(await body_of(request), wanted)
    new = all(caption.id != wanted for caption in context.captions.all)
    return _json(context.captions.put(draft), 201 if new else 200)


async def delete_caption(request: web.Request) -> web.Response:
    """DELETE /api/captions/{id}: 204"""
    request.app[CONTEXT].change(address_of(request))
    request.app[CONTEXT].captions.delete(request.match_info["id"])
    return web.Response(status=204)
