"""The HTTP API, described for programs as OpenAPI 3.1: generated from the rows of the routes."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from pi_stream import __version__
from pi_stream.server.errors import Error
from pi_stream.server.route import CAMERA_PREFIX, ROUTES, Answer, Operation, Route, parameters

_REF = "#/components/schemas/{name}"
_REFUSED = Answer("The request was refused, and why", schema=Error)
_PARAMETERS = {
    "camera": {"description": "the name of a camera", "schema": {"type": "string", "pattern": "^[a-z0-9-]{1,32}$"}}
}


async def openapi(request: web.Request) -> web.Response:
    """GET /api/openapi.json"""
    return web.json_response(document(request.app[ROUTES].rows))


def document(rows: Iterable[Route]) -> dict[str, Any]:
    """The description of all rows that have an operation. Raises ValueError if two have the same operationId."""
    described = [(row, row.operation) for row in rows if row.operation is not None]
    types = {kind: None for _, operation in described for kind in _types(operation)}
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    schema_of = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    ids: set[str] = set()
    for row, operation in described:
        for path in row.paths:
            described_operation = _operation(path, operation, schema_of)
            if (operation_id := described_operation["operationId"]) in ids:
                raise ValueError(f"two routes have the operationId {operation_id}")
            ids.add(operation_id)
            paths.setdefault(path, {})[row.method.lower()] = described_operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "pi-stream", "version": __version__},
        "paths": paths,
        "security": [{}, {"password": []}, {"token": []}],  # none is needed if [auth] mode is "open"
        "components": {
            "schemas": {name: components[name] for name in sorted(components)},
            "securitySchemes": {
                "password": {"type": "http", "scheme": "basic"},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _types(operation: Operation) -> Iterator[type]:
    yield from (answer.schema for answer in (*operation.answers.values(), _REFUSED) if answer.schema is not None)
    if operation.body is not None:
        yield operation.body


def _operation(path: str, operation: Operation, schema_of: dict[type, dict[str, Any]]) -> dict[str, Any]:
    of_camera = path.startswith(CAMERA_PREFIX)
    found: dict[str, Any] = {
        "operationId": f"{operation.id}OfCamera" if of_camera else operation.id,
        "summary": operation.summary,
        "parameters": [
            {"name": name, "in": "path", "required": True, **_PARAMETERS.get(name, {"schema": {"type": "string"}})}
            for name in parameters(path)
        ],
        "responses": {
            **{str(status): _answer(answer, schema_of) for status, answer in operation.answers.items()},
            "4XX": _answer(_REFUSED, schema_of),
            "5XX": _answer(_REFUSED, schema_of),
        },
    }
    if operation.query is not None:
        found["parameters"] += [
            {"name": name, "in": "query", "schema": _present(field)} for name, field in _fields(operation.query).items()
        ]
    if operation.body is not None:
        found["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema_of[operation.body]}},
        }
    return found


def _answer(answer: Answer, schema_of: dict[type, dict[str, Any]]) -> dict[str, Any]:
    if answer.media_type is None:
        return {"description": answer.description}
    schema = {} if answer.schema is None else schema_of[answer.schema]
    return {"description": answer.description, "content": {answer.media_type: {"schema": schema}}}


def _fields(query: type[Struct]) -> dict[str, Any]:
    _, components = msgspec.json.schema_components((query,), ref_template=_REF)
    fields: dict[str, Any] = components[query.__name__]["properties"]
    return fields


def _present(field: dict[str, Any]) -> dict[str, Any]:
    """The schema of a query's field if it is present: a query cannot be null."""
    (schema,) = [each for each in field.get("anyOf", [field]) if each.get("type") != "null"]
    return {name: value for name, value in schema.items() if name != "default"}
