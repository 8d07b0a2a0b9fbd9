"""Reads the body of a classify request: multipart with files, or JSON with base64."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from inference.service.admission import Held
from inference.service.failure import Failure
from inference.service.fetching import Budget, Fetcher
from inference.service.options import Options, read_options, shortened
from inference.service.problems import (
    MALFORMED_JSON,
    MALFORMED_MULTIPART,
    NO_PHOTOS,
    TOO_MANY_PHOTOS,
    UNSUPPORTED_MEDIA_TYPE,
    FieldProblem,
    Problem,
    invalid_fields,
)

PHOTOS: Final = "photos"
_HOW: Final = (
    "send multipart/form-data with one file field 'photos' per photo (curl -F photos=@a.jpg), or JSON with a "
    "list 'photos' of base64 texts"
)

_NOTHING_FETCHED: Final = (
    "this service fetches nothing (its setting fetch_allow is empty); send the photo itself as base64 in 'content'"
)
_MAX_FIELDS: Final = 100  # beside the photos; there are eight
_MAX_FIELD_BYTES: Final = 256 * 1024
_MAX_COMMAS: Final = 1000
_MAX_COMMAS_PER_PHOTO: Final = 64  # its name may hold some


@dataclass(frozen=True, slots=True)
class Upload:
    """A photo as it was sent.

    Attributes:
        filename: As the sender calls it; empty if it has no name.
        content: The file, or why there is none.
    """

    filename: str
    content: bytes | Failure


@dataclass(frozen=True, slots=True)
class Link:
    """A photo that is to be fetched.

    Attributes:
        filename: As the sender calls it; empty to take the URL's.
        url: Where it is.
    """

    filename: str
    url: str


@dataclass(frozen=True, slots=True)
class Submission:
    """A classify request.

    Attributes:
        uploads: The photos, at least one.
        options: Everything else.
    """

    uploads: tuple[Upload, ...]
    options: Options


async def read_submission(request: Request, max_photos: int) -> Submission:
    """Read a classify request.

    Args:
        request: Its body is read here.
        max_photos: Allowed in it.

    Raises:
        Problem: It is broken, or asks for what there is not.
    """
    if request.query_params:
        wrong = [FieldProblem(field=shortened(name), detail="belongs in the body") for name in request.query_params]
        raise invalid_fields(wrong)
    content_type = request.headers.get("content-type", "")
    match content_type.partition(";")[0].strip().lower():
        case "multipart/form-data":
            return await _read_multipart(request, max_photos)
        case "application/json":
            return await _read_json(request, max_photos)
        case _:
            got = f"The Content-Type is {shortened(content_type)!r}" if content_type else "There is no Content-Type"
            raise Problem(UNSUPPORTED_MEDIA_TYPE, f"{got}; {_HOW}.", headers={"Accept-Post": _ACCEPTED})


_ACCEPTED: Final = "multipart/form-data, application/json"


def check_count(photos: int, max_photos: int, how: str) -> None:
    """Refuse a request of no photo, saying how to send one, or of too many.

    Raises:
        Problem: It is one of these.
    """
    if not photos:
        raise Problem(NO_PHOTOS, f"The request has no photo; {how}.")
    if photos > max_photos:
        detail = f"The request has {photos} photos, over the {max_photos} allowed; send them in several requests."
        raise Problem(TOO_MANY_PHOTOS, detail, max_photos=max_photos)


class _Parser(MultiPartParser):
    """Keeps photos in memory, never on disk, and takes a body without its last boundary for broken."""

    spool_max_size = sys.maxsize

    def __init__(self, request: Request) -> None:
        chunks = self._until_end(request.stream())
        super().__init__(request.headers, chunks, max_fields=_MAX_FIELDS, max_part_size=_MAX_FIELD_BYTES)
        self._has_ended = False

    def on_end(self) -> None:
        """The last boundary came."""
        self._has_ended = True

    async def _until_end(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        async for chunk in chunks:
            yield chunk
        if not self._has_ended:
            raise MultiPartException("The body breaks off before its last boundary.")


async def _read_multipart(request: Request, max_photos: int) -> Submission:
    uploads, fields = await read_form(request)
    check_count(len(uploads), max_photos, _HOW)
    return Submission(tuple(uploads), read_options(fields))


async def read_form(request: Request, photo_field: str = PHOTOS) -> tuple[list[Upload], dict[str, str]]:
    """The photos and the texts of a multipart body; empty texts, which browsers send too, are left out.

    Args:
        request: Its body is read here.
        photo_field: Name of the fields that hold photos.

    Raises:
        Problem: The body is broken, or a field is of the wrong kind or there twice.
    """
    try:
        form = await _Parser(request).parse()
    except (MultiPartException, ValueError) as error:
        how = f"send multipart/form-data with one file field '{photo_field}' per photo"
        raise Problem(MALFORMED_MULTIPART, f"{error} To send photos, {how}.") from error
    try:
        return await _sorted(form.multi_items(), photo_field)
    finally:
        await form.close()


async def _sorted(items: list[tuple[str, str | UploadFile]], photo_field: str) -> tuple[list[Upload], dict[str, str]]:
    uploads: list[Upload] = []
    fields: dict[str, str] = {}
    wrong: list[FieldProblem] = []
    for name, value in items:
        if isinstance(value, UploadFile):
            if name == photo_field:
                uploads.append(Upload(_sendable(value.filename), await value.read()))
            else:
                wrong.append(FieldProblem(field=shortened(name), detail=f"is a file; send it as '{photo_field}'"))
        elif name == photo_field:
            detail = f"is text, not a file; with curl: -F {photo_field}=@a.jpg"
            wrong.append(FieldProblem(field=name, detail=detail))
        elif name in fields:
            wrong.append(FieldProblem(field=shortened(name), detail="is given twice"))
        else:
            fields[name] = value
    if wrong:
        raise invalid_fields(wrong)
    return uploads, {name: value for name, value in fields.items() if value}


async def _read_json(request: Request, max_photos: int) -> Submission:
    body = await request.body()
    photos, options = await asyncio.to_thread(_read_document, body, max_photos)
    check_count(len(photos), max_photos, _HOW)
    return Submission(await _fetched(request, photos), options)


async def _fetched(request: Request, photos: Sequence[Upload | Link]) -> tuple[Upload, ...]:
    """The photos, those given by URL fetched; what they may take is counted with the bodies in memory.

    Raises:
        Problem: There are such and this service fetches nothing, or there is no room for them now.
    """
    links = [index for index, photo in enumerate(photos) if isinstance(photo, Link)]
    if not links:
        return tuple(photo for photo in photos if isinstance(photo, Upload))
    fetcher: Fetcher | None = request.app.state.fetcher
    if fetcher is None:
        _refuse(links[0], f"gives a url, but {_NOTHING_FETCHED}")
    held: Held = request.scope["state"]["held"]
    body, budget = held.size, fetcher.budget(len(links))
    held.grow(budget.left)
    reserved = budget.left
    uploads = await asyncio.gather(*(_upload(photo, fetcher, budget) for photo in photos))
    held.settle(body + reserved - budget.left)
    return tuple(uploads)


async def _upload(photo: Upload | Link, fetcher: Fetcher, budget: Budget) -> Upload:
    if isinstance(photo, Upload):
        return photo
    filename, content = await fetcher.fetch(photo.url, budget)
    return Upload(photo.filename or filename, content)


def _read_document(body: bytes, max_photos: int) -> tuple[list[Upload | Link], Options]:
    _check_commas(body, _MAX_COMMAS + _MAX_COMMAS_PER_PHOTO * max_photos)
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Problem(MALFORMED_JSON, f"The body is not valid JSON: {error}.") from error
    if not isinstance(document, dict):
        raise Problem(MALFORMED_JSON, f"The body is not a JSON object but a {type(document).__name__}; {_HOW}.")
    photos = document.pop(PHOTOS, [])
    if not isinstance(photos, list):
        raise invalid_fields([FieldProblem(field=PHOTOS, detail="must be a list")])
    options = read_options(document)
    return [_json_photo(index, photo) for index, photo in enumerate(photos)], options


def _check_commas(body: bytes, most: int) -> None:
    """Refuse a body of more values than any request has, before they become objects many times its size."""
    commas = body.count(b",")
    if commas > most:
        raise Problem(MALFORMED_JSON, f"The body has {commas:,} commas, over the {most:,} of any request; {_HOW}.")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _json_photo(index: int, photo: object) -> Upload | Link:
    """One entry of `photos`: a base64 text, or an object that also names the file, or one with a URL."""
    entry: Mapping[str, Any] = {"content": photo} if isinstance(photo, str) else _object(index, photo)
    unknown = sorted(entry.keys() - {"filename", "content", "url"})
    if unknown:
        _refuse(index, f"has an unknown field {shortened(repr(unknown[0]))}; the fields are filename, content and url")
    if not isinstance(entry.get("filename"), str | None):
        _refuse(index, "has a 'filename' that is not text")
    filename = _sendable(entry.get("filename"))
    if "url" in entry:
        return Link(filename, _url(index, entry))
    content = entry.get("content")
    if not isinstance(content, str):
        _refuse(index, "has no text 'content'; put the base64 of the file there")
    return Upload(filename, _decoded(content))


def _url(index: int, entry: Mapping[str, Any]) -> str:
    if "content" in entry:
        _refuse(index, "has both 'content' and 'url'; give one of them")
    if not isinstance(entry["url"], str):
        _refuse(index, "has a 'url' that is not text")
    return str(entry["url"])


def _object(index: int, photo: object) -> dict[str, Any]:
    if not isinstance(photo, dict):
        _refuse(index, 'must be a base64 text or {"filename": ..., "content": base64}')
    return photo


def _refuse(index: int, detail: str) -> NoReturn:
    raise invalid_fields([FieldProblem(field=f"{PHOTOS}.{index}", detail=detail)])


def _decoded(content: str) -> bytes | Failure:
    """The bytes of a base64 text; line breaks and a data URL's head are allowed."""
    text = content.partition(",")[2] if content.startswith("data:") else content
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        detail = f"the content is not base64 ({error}); encode the whole file, padding included"
        return Failure("bad-base64", detail)


def _sendable(filename: str | None) -> str:
    """A file name that can be sent back: lone surrogates, which JSON allows and UTF-8 does not, replaced."""
    return (filename or "").encode("utf-8", "replace").decode("utf-8")
