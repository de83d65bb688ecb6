"""Logging in and out, links that let anybody see the picture for a while, and the question who one is."""

from html import escape
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from pi_stream.auth.credentials import MAX_LINK_S, SESSION_S
from pi_stream.auth.rights import Right
from pi_stream.errors import BadMessage, LimitReached, Unsupported
from pi_stream.lib.validation import ValidationError, convert
from pi_stream.server.context import CONTEXT, AppContext
from pi_stream.server.http.request_body import body_of
from pi_stream.server.rights import linked
from pi_stream.server.security.access import LoginNeeded, address_of
from pi_stream.server.security.request_address import over_tls
from pi_stream.server.security.session_cookie import set_cookie

_MUST_LOOK = "Whoever watches this camera logs in first."
_MAY_LOOK = "Whoever changes anything here logs in first."


class LinkDraft(Struct, frozen=True, forbid_unknown_fields=True):
    """A link that is asked for."""

    path: Annotated[str, Meta(max_length=1000, description="a picture, such as /stream.mjpg?width=640")]
    seconds: Annotated[int, Meta(ge=1, le=MAX_LINK_S)] = 3600


async def login_page(request: web.Request) -> web.StreamResponse:
    """GET /login: a form that works without any script."""
    context = request.app[CONTEXT]
    if context.access.open:
        return _to_the_page()
    return _page(context)


async def login(request: web.Request) -> web.StreamResponse:
    """POST /login: to the page, with a session; or the form again, with what was wrong."""
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
    if access.keys is None:  # it changed in this moment
        return _page(context, 401, "This password is not right.")
    answer = _to_the_page()
    set_cookie(answer, request, access.keys.session(grant, access.now(), secure=over_tls(request)), SESSION_S)
    return answer


async def logout(request: web.Request) -> web.StreamResponse:
    """POST /logout: this browser forgets its session."""
    answer = _to_the_page()
    set_cookie(answer, request, "", 0)
    return answer


async def who(request: web.Request) -> web.Response:
    """GET /api/access: whether passwords are asked for, and what who asks may do."""
    access = request.app[CONTEXT].access
    grant = await access.grant(request)
    return _json({"mode": access.settings.mode, "may": grant.right.includes})


async def post_link(request: web.Request) -> web.Response:
    """POST /api/links: 201 with a path that shows a picture to whoever has it, for a while."""
    access = request.app[CONTEXT].access
    if access.keys is None:
        raise Unsupported('links are signed with what `pi-stream password` sets; [auth] mode "open" needs none')
    body = await body_of(request)
    try:
        draft = convert(msgspec.json.decode(body), LinkDraft)
        parts = urlsplit(draft.path)
    except (msgspec.DecodeError, ValidationError, RecursionError, ValueError) as error:
        raise BadMessage(f"links: {error}") from None
    path = "/" + parts.path.lstrip("/")
    if not linked(path) or parts.scheme or parts.netloc:
        raise BadMessage(f"links.path: expected /stream.mjpg, /snapshot.jpg or /snapshot.png, got {draft.path!r}")
    query = [pair for pair in parse_qsl(parts.query) if pair[0] != "access"]
    signed = access.keys.link(path, draft.seconds, access.now())
    return _json({"path": f"{path}?{urlencode([*query, ('access', signed)])}", "seconds": draft.seconds}, 201)


def _json(value: object, status: Literal[200, 201] = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value),
        content_type="application/json",
        status=status,
        headers={"Cache-Control": "no-store"},
    )


def _page(context: AppContext, status: int = 200, problem: str = "", retry_after: str | None = None) -> web.Response:
    access = context.access
    if access.keys is None or not access.keys.passwords:
        problem = "No password is set yet. On the camera's machine, run: pi-stream password"
    shown = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    text = (context.www / "login.html").read_text(encoding="utf-8")
    hint = _MAY_LOOK if access.everybody.right >= Right.VIEW else _MUST_LOOK
    return web.Response(
        text=text.replace("<!--problem-->", shown).replace("<!--hint-->", escape(hint)),
        content_type="text/html",
        status=status,
        headers={"Cache-Control": "no-store", **({"Retry-After": retry_after} if retry_after else {})},
    )


def _to_the_page() -> web.Response:
    # Relative, so that it works behind a path prefix; and with GET, whatever led here.
    return web.Response(status=303, headers={"Location": "./", "Cache-Control": "no-store"})
