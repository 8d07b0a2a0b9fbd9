"""The officer's pages: the files of `inference/pages`, read once and served from memory.

Pages are asked for anew each time and answered 304 while they are the same. What they load has the digest of all of
it in its address, so that a browser may keep it for ever and a new release is another address. Every address in a
page is relative, so that the pages also work below a prefix of a reverse proxy.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import Response

FOLDER: Final = Path(__file__).resolve().parents[1] / "pages"
PAGES: Final[Mapping[str, str]] = {"/": "review.html", "/queue": "queue.html", "/dashboard": "dashboard.html"}
"""Address -> file."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_ASK_AGAIN: Final = "no-cache"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASSETS: Final = "{assets}"
"""In a page, stands for the folder of what it loads."""
_DIGEST_CHARS: Final = 16


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is sent.

    Attributes:
        body: Its bytes.
        gzipped: The same, compressed.
        media_type: Of the body.
        etag: Names its content.
        cache: Value of Cache-Control.
    """

    body: bytes
    gzipped: bytes
    media_type: str
    etag: str
    cache: str

    @classmethod
    def of(cls, name: str, body: bytes, cache: str) -> File:
        """The file of this name and content."""
        etag = f'"{_digest(body)}"'
        return cls(body, gzip.compress(body, mtime=0), _MEDIA_TYPES[Path(name).suffix], etag, cache)

    def response(self, request: Request) -> Response:
        """What answers a request for it."""
        headers = {
            "Cache-Control": self.cache,
            "ETag": self.etag,
            "Vary": "Accept-Encoding",
            "Content-Security-Policy": POLICY,
        }
        if self.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self.gzipped, headers=headers | {"Content-Encoding": "gzip"}, media_type=self.media_type)
        return Response(self.body, headers=headers, media_type=self.media_type)


@dataclass(frozen=True, slots=True)
class Site:
    """Pages and what they load.

    Attributes:
        pages: By address.
        assets: By name, such as "vendor/preact.js".
        digest: Of all assets.
    """

    pages: Mapping[str, File]
    assets: Mapping[str, File]
    digest: str

    @classmethod
    def read(cls, folder: Path = FOLDER) -> Site:
        """Read the site from its folder."""
        static = folder / "static"
        bodies = {
            path.relative_to(static).as_posix(): path.read_bytes()
            for path in sorted(static.rglob("*"))
            if path.suffix in _MEDIA_TYPES
        }
        digest = _digest(b"".join(name.encode() + b"\0" + body + b"\0" for name, body in bodies.items()))
        assets = {name: File.of(name, body, _FOR_EVER) for name, body in bodies.items()}
        pages = {address: _page(folder / name, digest) for address, name in PAGES.items()}
        return cls(pages, assets, digest)


def _page(path: Path, digest: str) -> File:
    text = path.read_text("utf-8").replace(_ASSETS, f"static/{digest}")
    return File.of(path.name, text.encode(), _ASK_AGAIN)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_DIGEST_CHARS]


def mount(app: FastAPI) -> None:
    """Add the pages."""
    site = Site.read()
    router = APIRouter(include_in_schema=False)
    for address, file in site.pages.items():
        router.add_api_route(address, _serving(file))

    @router.get("/static/{digest}/{name:path}")
    async def asset(request: Request, digest: str, name: str) -> Response:
        """What a page loads."""
        if digest != site.digest or name not in site.assets:
            raise HTTPException(404)
        return site.assets[name].response(request)

    app.include_router(router)


def _serving(file: File) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        return file.response(request)

    return serve
