"""The page and its files. They are listed once, at the start: a request's path is never looked up on the disk.

The page of a camera is the same file at the service's root, where it shows the first camera, and at /cameras/NAME/.
In it, paths that begin with "./" are the service's, and all others the camera's: at /cameras/NAME/, "./" is replaced
by the path to the root. So each file of the page has one address, and is cached once.
"""

import asyncio
from pathlib import Path

from aiohttp import web, web_fileresponse

from pi_stream.auth.rights import Right
from pi_stream.server.context import CONTEXT, stream_of
from pi_stream.server.route import Handler, Route
from pi_stream.server.security.request_address import path_to_root

# The kernel cannot send a file over TLS by itself, and asyncio's fallback accepts only asyncio's own transports, not
# `tls_transport`. The page's files are small enough to be read and written.
web_fileresponse.NOSENDFILE = True  # type: ignore[misc]  # otherwise only the environment can set it

# Not from the system's table, which differs from one system to the next.
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
_PAGE, _OVERVIEW = "index.html", "overview.html"


def routes(folder: Path) -> list[Route]:
    """The pages, which need the right to view, and one route for each other file of `folder`, which needs none."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    camera_page, overview = files.pop(_PAGE), files.pop(_OVERVIEW, None)
    page, root = _page(camera_page), _root(camera_page, overview)
    rows = [
        Route("GET", "/", root, Right.VIEW, camera=True, page=True, cache="no-cache"),
        Route("GET", f"/{_PAGE}", page, Right.VIEW, camera=True, page=True, cache="no-cache"),
        Route("GET", "/cameras/{camera}", _to_camera_page, Right.VIEW, page=True),
        *(Route("GET", f"/{name}", _file(path), Right.NOTHING, cache="no-cache") for name, path in files.items()),
    ]
    if overview is not None:
        rows.append(Route("GET", f"/{_OVERVIEW}", _file(overview), Right.VIEW, page=True, cache="no-cache"))
    return rows


class _FileResponse(web.FileResponse):
    """A file that exists. If it cannot be read, aiohttp would answer 404."""

    def set_status(self, status: int, reason: str | None = None) -> None:
        """See aiohttp."""
        super().set_status(503 if status == 404 else status, reason)


def _response(path: Path) -> web.FileResponse:
    media_type = _MEDIA_TYPES.get(path.suffix, "application/octet-stream")
    return _FileResponse(path, headers={"Content-Type": media_type})


def _file(path: Path) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:  # noqa: ARG001 - aiohttp's signature
        return _response(path)

    return answer


def _page(path: Path) -> Handler:
    """The page of a camera."""

    async def answer(request: web.Request) -> web.StreamResponse:
        stream_of(request)
        if "camera" not in request.match_info:
            return _response(path)
        try:
            text = await asyncio.to_thread(path.read_text, encoding="utf-8")
        except OSError as error:
            raise web.HTTPServiceUnavailable(text=f"the page cannot be read: {error.strerror}") from None
        text = text.replace('="./', f'="{path_to_root(request)}')
        return web.Response(text=text, content_type="text/html")

    return answer


def _root(camera_page: Path, overview: Path | None) -> Handler:
    """The page of the camera that the path names; without a name, the only camera's, or the overview of all."""
    page = _page(camera_page)

    async def answer(request: web.Request) -> web.StreamResponse:
        several = len(request.app[CONTEXT].streams) > 1
        if overview is not None and several and "camera" not in request.match_info:
            return _response(overview)
        return await page(request)

    return answer


async def _to_camera_page(request: web.Request) -> web.StreamResponse:
    """GET /cameras/{camera}: without the slash at its end, relative paths of the page would be wrong."""
    name = stream_of(request).name
    return web.Response(status=307, headers={"Location": f"{name}/"})
