"""Logging in and out, what the client may do, and links that let anyone see a picture for a while."""

from html import escape
from typing import Annotated, Literal
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from pi_stream.auth.credentials import MAX_LINK_S, SESSION_S
from pi_stream.auth.rights import Right
from pi_stream.errors import BadMessage, LimitReached, Unsupported
from pi_stream.lib.validation import ValidationError, convert
from pi_stream.server.context import CONTEXT, AppContext
from pi_stream.server.http.json_response import json_response
from pi_stream.server.http.request_body import body_of
from pi_stream.server.route import ROUTES
from pi_stream.server.security.access import LoginNeeded, address_of
from pi_stream.server.security.request_address import over_tls
from pi_stream.server.security.session_cookie import set_cookie

_VIEW_HINT = "Log in to view this camera."
_CONTROL_HINT = "Log in to make changes."


class LinkDraft(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /api/links. `seconds`: how long the link is valid."""

    path: Annotated[str, Meta(max_length=1000, description="a picture, such as /stream.mjpg?width=640")]
    seconds: Annotated[int, Meta(ge=1, le=MAX_LINK_S)] = 3600


class Link(Struct, frozen=True):
    """A path, with its proof in the query, that anyone may GET for `seconds` from now."""

    path: str
    seconds: int


class AccessState(Struct, frozen=True):
    """The mode of [auth], and what the client may do."""

    mode: Literal["open", "password"]
    may: tuple[str, ...]


async def login_page(request: web.Request) -> web.StreamResponse:
    """GET /login: a form that works without scripts."""
    context = request.app[CONTEXT]
    if context.access.open:
        return _to_the_page()
    return _page(context)


async def login(request: web.Request) -> web.StreamResponse:
    """POST /login: a redirect to the page, with a session; or the form again, with the reason."""
    context = request.app[CONTEXT]
    access = context.access
    if access.open:
        return _to_the_page()
    try:
        form = dict(parse_qsl((await body_of(request)).decode(errors="replace"), max_num_fields=10))
    except ValueError as error:
        raise BadMessage(f"login: expected a form with a password, got none: {error}") from None
    try:
        grant = await access.by_password(form.get("password", ""), address_of(request))
    except LoginNeeded:
        return _page(context, 401, "This password is not right.")
    except LimitReached as error:
        context.refusals.count(error.limit, address_of(request), str(error))
        return _page(context, 429 if error.theirs else 503, f"{error}.", str(error.wait))
    if access.keys is None:  # the file was damaged just now
        return _page(context, 401, "This password is not right.")
    answer = _to_the_page()
    set_cookie(answer, request, access.keys.session(grant, access.now(), secure=over_tls(request)), SESSION_S)
    return answer


async def logout(request: web.Request) -> web.StreamResponse:
    """POST /logout: remove the session's cookie from the browser."""
    answer = _to_the_page()
    set_cookie(answer, request, "", 0)
    return answer


async def get_access(request: web.Request) -> web.Response:
    """GET /api/access"""
    access = request.app[CONTEXT].access
    grant = await access.grant(request)
    return json_response(AccessState(access.settings.mode, grant.right.includes))


async def post_link(request: web.Request) -> web.Response:
    """POST /api/links: 201 with a path that anyone may GET for a while."""
    context = request.app[CONTEXT]
    access = context.access
    if access.keys is None:
        raise Unsupported('links are signed with what `pi-stream password` sets; [auth] mode "open" needs none')
    body = await body_of(request)
    try:
        draft = convert(msgspec.json.decode(body), LinkDraft)
        parts = urlsplit("/" + draft.path.lstrip("/"))
    except (msgspec.DecodeError, ValidationError, RecursionError, ValueError) as error:
        raise BadMessage(f"links: {error}") from None
    target = request.app[ROUTES].linked(unquote(parts.path))
    if target is None or draft.path.startswith("//"):
        paths = ", ".join(request.app[ROUTES].linkable_paths)
        raise BadMessage(f"links.path: expected {paths}, or one of them after /cameras/NAME, got {draft.path!r}")
    if "camera" in target:
        context.streams[target["camera"]]  # raises NotFound, which names the cameras there are
    query = [pair for pair in parse_qsl(parts.query) if pair[0] != "access"]
    proof = access.keys.link(unquote(parts.path), draft.seconds, access.now())
    return json_response(Link(f"{parts.path}?{urlencode([*query, ('access', proof)])}", draft.seconds), 201)


def _page(context: AppContext, status: int = 200, problem: str = "", retry_after: str | None = None) -> web.Response:
    access = context.access
    if access.keys is None or not access.keys.passwords:
        problem = "No password is set yet. On the camera's machine, run: pi-stream password"
    shown = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    text = (context.www / "login.html").read_text(encoding="utf-8")
    hint = _CONTROL_HINT if access.everybody.right >= Right.VIEW else _VIEW_HINT
    return web.Response(
        text=text.replace("<!--problem-->", shown).replace("<!--hint-->", escape(hint)),
        content_type="text/html",
        status=status,
        headers={"Retry-After": retry_after} if retry_after else None,
    )


def _to_the_page() -> web.Response:
    # Relative, so that it works behind a path prefix; 303, so that the browser uses GET.
    return web.Response(status=303, headers={"Location": "./"})
