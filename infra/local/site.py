"""The client's files, as a strict host would serve them, and where they find the API."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

from infra import assets
from infra.local.limits import Limits

# What the machine's own tables say differs from system to system.
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("text/javascript", ".mjs")
mimetypes.add_type("application/manifest+json", ".webmanifest")

POLICY = "; ".join(
    [
        "default-src 'self'",
        "connect-src 'self' ws: wss: http: https:",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "object-src 'none'",
    ]
)
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Site:
    """The files of one directory; without one there is nothing to see.

    service-worker.json says what the files are now; work `in_progress` is not for keeping.
    """

    def __init__(self, directory: Path | None, in_progress: bool = False) -> None:
        self._directory = directory
        self._in_progress = in_progress
        self._files = StaticFiles(directory=directory, html=True) if directory else None

    async def answer(self, request: Request) -> Response:
        """The file of this path, `index.html` for a directory."""
        response = await self._find(request)
        if request.url.path.endswith("/manifest.json"):
            response.headers["Content-Type"] = "application/manifest+json"
        response.headers.update(HEADERS)
        return response

    async def _find(self, request: Request) -> Response:
        try:
            if self._files is None:
                raise HTTPException(404)
            path = self._files.get_path(request.scope)
            if path == assets.LIST:
                return self._list()
            return await self._files.get_response(path, request.scope)
        except HTTPException as error:
            return PlainTextResponse(f"{error.detail}\n", error.status_code)

    def _list(self) -> Response:
        directory = self._directory
        if self._in_progress or directory is None or not (directory / assets.LIST).is_file():
            raise HTTPException(404)
        return JSONResponse(assets.listed(directory))


def whereabouts(request: Request, stage: str, limits: Limits) -> Response:
    """/config.json: the API's addresses as this very client reaches them, and its own pace."""
    host = request.headers.get("host", "")
    secure = "s" if request.url.scheme == "https" else ""
    addresses = {
        "api": f"http{secure}://{host}/{stage}",
        "websocket": f"ws{secure}://{host}/ws",
    }
    content = addresses | pace(limits)
    return JSONResponse(content, headers=HEADERS | {"Cache-Control": "no-store"})


def pace(limits: Limits) -> dict[str, int]:
    """What a client needs to know of limits that are not AWS's, in milliseconds.

    `lifetime` is that of a socket; `pingEvery` leaves a fifth of the time that it may be idle.
    """
    aws, said = Limits(), {}
    if limits.real_lifetime != aws.lifetime:
        said["lifetime"] = round(1000 * limits.real_lifetime)
    if limits.real_idle != aws.idle:
        said["pingEvery"] = round(800 * limits.real_idle)
    return said
