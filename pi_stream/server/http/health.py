"""How the service is: for health checks, scripts, dashboards and the page."""

from typing import Any

import msgspec
from aiohttp import web

from pi_stream import __version__
from pi_stream.lib import clock
from pi_stream.server.context import CONTEXT, AppContext, stream_of
from pi_stream.server.http.json_response import json_response
from pi_stream.stream import Stream


async def healthz(request: web.Request) -> web.Response:
    """GET /healthz: 200 while frames flow, 503 with the reason while they do not, even in one encoding alone.

    Without the name of a camera: 200 only if every camera is well; the reason names those that are not.
    """
    streams = request.app[CONTEXT].streams
    asked = list(streams.values()) if "camera" not in request.match_info else [stream_of(request)]
    states = [_health(stream) for stream in asked]
    ok = all(state["ok"] for state in states)
    if len(states) == 1:
        return json_response({key: states[0][key] for key in ("ok", "source", "fps", "reason")}, 200 if ok else 503)
    reasons = [f"{state['name']}: {state['reason']}" for state in states if not state["ok"]]
    reason = "; ".join(reasons) or None
    first = states[0]
    answer = {"ok": ok, "source": first["source"], "fps": first["fps"], "reason": reason, "cameras": states}
    return json_response(answer, 200 if ok else 503)


def _health(stream: Stream) -> dict[str, Any]:
    source, fault = stream.supervisor, stream.fault
    ok = source.online and fault is None
    return {"name": stream.name, "ok": ok, "source": source.kind, "fps": round(source.fps, 1), "reason": fault}


async def cameras(request: web.Request) -> web.Response:
    """GET /api/cameras: every camera, in the order of the settings."""
    return json_response({"cameras": [stream.info() for stream in request.app[CONTEXT].streams.values()]})


async def status(request: web.Request) -> web.Response:
    """GET /api/status: the service, and the camera that the path names, or the first one."""
    context = request.app[CONTEXT]
    return json_response(
        {
            "version": __version__,
            "uptime_s": round((clock.now() - context.started) / 1e6, 1),
            "jpeg": context.jpeg,
            **_camera(stream_of(request)),
            "cameras": [{"name": each.name, **_camera(each)} for each in context.streams.values()],
            "viewers": _viewers(context),
            "vitals": msgspec.to_builtins(context.vitals.latest),
        }
    )


def _camera(stream: Stream) -> dict[str, Any]:
    return {
        "source": stream.supervisor.state(),
        "captions": len(stream.captions.all),
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
            for channel in stream.hub.channels
        ],
    }


def _viewers(context: AppContext) -> list[dict[str, Any]]:
    return [
        {
            "id": viewer.id,
            "name": viewer.name,
            "camera": viewer.stream.name,
            "dropped": viewer.dropped,
            "watching": viewer.watching,
        }
        for viewer in context.viewers
    ]


async def doctor(request: web.Request) -> web.Response:
    """GET /api/doctor: what `pi-stream doctor` says about this service; at most ten seconds old."""
    return json_response(await request.app[CONTEXT].checkup.report())


async def next_steps(request: web.Request) -> web.Response:
    """GET /api/next: what is still to do on a new appliance; empty if it is none."""
    return json_response({"steps": request.app[CONTEXT].next_steps()})
