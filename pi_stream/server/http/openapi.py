"""The HTTP API, described for programs: OpenAPI 3.1."""

from typing import Any

import msgspec
from aiohttp import web

from pi_stream import __version__
from pi_stream.captions.caption import Caption, CaptionDraft
from pi_stream.health.doctor_report import Report
from pi_stream.health.next_steps import Step
from pi_stream.protocol import CameraInfo
from pi_stream.server.http.login import LinkDraft

_REF = "#/components/schemas/{name}"


async def openapi(request: web.Request) -> web.Response:  # noqa: ARG001 - aiohttp's signature
    """GET /api/openapi.json"""
    return web.json_response(_document())


def _answer(text: str, kind: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"description": text, "content": {kind: {"schema": schema or {}}}}


def _document() -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components(
        (Caption, CaptionDraft, Report, Step, LinkDraft, CameraInfo), ref_template=_REF
    )
    names = ("Caption", "CaptionDraft", "Report", "Step", "LinkDraft", "CameraInfo")
    caption, draft, report, step, link, camera = ({"$ref": _REF.format(name=name)} for name in names)
    listed = {"type": "object", "properties": {"captions": {"type": "array", "items": caption}}}
    cameras = {"type": "object", "properties": {"cameras": {"type": "array", "items": camera}}}
    steps = {"type": "object", "properties": {"steps": {"type": "array", "items": step}}}
    schemas["Error"] = {
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
                "required": ["code", "message"],
            }
        },
    }
    wrong = _answer("What was asked cannot be done, and why", "application/json", {"$ref": _REF.format(name="Error")})
    became = _answer("As it became", "application/json", caption)
    body = {"required": True, "content": {"application/json": {"schema": draft}}}
    id_in_path = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    width, quality, fps = (
        {"name": name, "in": "query", "schema": {"type": kind, "minimum": low, "maximum": high}}
        for name, kind, low, high in (
            ("width", "integer", 16, 65535),
            ("quality", "integer", 1, 100),
            ("fps", "number", 0.1, 1000),
        )
    )

    def get(text: str, answer: dict[str, Any], *parameters: dict[str, Any]) -> dict[str, Any]:
        return {"get": {"summary": text, "parameters": list(parameters), "responses": {"200": answer, "4XX": wrong}}}

    return {
        "openapi": "3.1.0",
        "info": {"title": "pi-stream", "version": __version__},
        "paths": {
            "/snapshot.jpg": get("The newest frame", _answer("JPEG", "image/jpeg"), width, quality),
            "/snapshot.png": get("The newest frame, lossless", _answer("PNG", "image/png"), width),
            "/stream.mjpg": get("MJPEG", _answer("Parts", "multipart/x-mixed-replace"), width, quality, fps),
            "/healthz": get("200 while frames flow, else 503", _answer("State", "application/json")),
            "/metrics": get("For Prometheus", _answer("Metrics", "text/plain")),
            "/api/status": get("How the service is", _answer("Status", "application/json")),
            "/api/doctor": get("What is wrong, and what fixes it", _answer("Report", "application/json", report)),
            "/api/cameras": get("All cameras", _answer("Cameras", "application/json", cameras)),
            "/api/next": get("What is still to do on a new appliance", _answer("Steps", "application/json", steps)),
            "/api/access": get(
                "Whether there are passwords, and what you may do", _answer("Access", "application/json")
            ),
            "/certificate.pem": get("The certificate, over https", _answer("PEM", "application/x-pem-file")),
            "/api/links": {
                "post": {
                    "summary": "A path that shows a picture to whoever has it, for some seconds",
                    "requestBody": {"required": True, "content": {"application/json": {"schema": link}}},
                    "responses": {"201": _answer("The path", "application/json"), "4XX": wrong},
                }
            },
            "/api/captions": {
                **get("All captions", _answer("Captions", "application/json", listed)),
                "post": {
                    "summary": "Create a caption",
                    "requestBody": body,
                    "responses": {"201": became, "4XX": wrong},
                },
            },
            "/api/captions/{id}": {
                "parameters": [id_in_path],
                **get("One caption", _answer("Caption", "application/json", caption)),
                "put": {
                    "summary": "Create or replace a caption",
                    "requestBody": body,
                    "responses": {"200": became, "201": became, "4XX": wrong},
                },
                "delete": {"summary": "Remove a caption", "responses": {"204": {"description": "Gone"}, "4XX": wrong}},
            },
        },
        # Neither is needed where [auth] mode is "open".
        "security": [{}, {"password": []}, {"token": []}],
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "password": {"type": "http", "scheme": "basic"},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    }
