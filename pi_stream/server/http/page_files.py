"""The page's own files, listed once: what is asked for is never looked for on the disk."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web, web_fileresponse

# The kernel cannot send a file over TLS by itself, and asyncio's way around that takes none but its own transports
# (`secure` is ours). The page's files are small enough to be read and written.
web_fileresponse.NOSENDFILE = True  # type: ignore[misc]  # otherwise only the environment says so

# Said here, and not left to the system's table, which differs from one system to the next.
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}


def routes(folder: Path) -> list[web.RouteDef]:
    """One for each file, by its name in a URL; the page itself has an empty one, too."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return [web.get(f"/{name}", _file(path)) for name, path in {"": folder / "index.html", **files}.items()]


class _PageFile(web.FileResponse):
    """A file that is there. If it cannot be read all the same, aiohttp would say 404."""

    def set_status(self, status: int, reason: str | None = None) -> None:
        """See aiohttp."""
        super().set_status(503 if status == 404 else status, reason)


def _file(path: Path) -> Callable[[web.Request], Awaitable[web.FileResponse]]:
    kind = _KINDS.get(path.suffix, "application/octet-stream")

    async def answer(request: web.Request) -> web.FileResponse:  # noqa: ARG001 - aiohttp's signature
        return _PageFile(path, headers={"Content-Type": kind})

    return answer
