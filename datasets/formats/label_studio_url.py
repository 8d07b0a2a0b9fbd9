"""How Label Studio points at photos, turned into the name of the photo below its source."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urlsplit

from datasets.label_paths import stated_name

_LOCAL: Final = "/data/local-files/"
_UPLOAD_PREFIX: Final = re.compile(r"^[0-9a-f]{8}-")
_CLOUD: Final = frozenset({"s3", "s3s", "gs", "azure-blob", "azure_spi", "dbfs", "redis"})


def photo_name(url: str) -> str:
    """The photo's path with `/`; "" where the address holds none (a photo written into the file itself).

    - `/data/local-files/?d=a/b.jpg` is a/b.jpg
    - `/data/upload/1/0123abcd-b.jpg` is b.jpg: Label Studio puts eight digits before what was uploaded
    - `s3://bucket/a/b.jpg`, also inside `/tasks/1/resolve/?fileuri=<base64>`, is a/b.jpg
    - `https://host/a/b.jpg?x=1` is a/b.jpg
    """
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    if "fileuri" in query:
        return photo_name(_unpacked(query["fileuri"][-1]))
    if parts.path.endswith(_LOCAL.rstrip("/")) or parts.path.endswith(_LOCAL):
        return stated_name(query.get("d", [""])[-1].lstrip("/"))
    if "filepath" in query:
        return _uploaded(query["filepath"][-1])
    if "/data/upload/" in parts.path:
        return _uploaded(unquote(parts.path))
    if parts.scheme == "data":
        return ""
    return _elsewhere(url)


def _elsewhere(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator:
        return stated_name(url)
    if scheme in _CLOUD:
        return stated_name(rest.partition("/")[2].lstrip("/"))
    return stated_name(unquote(urlsplit(url).path).lstrip("/"))


def _uploaded(path: str) -> str:
    return _UPLOAD_PREFIX.sub("", path.rpartition("/")[2])


def _unpacked(text: str) -> str:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        return text


def local_url(name: str) -> str:
    """The address of a photo in Label Studio's local storage."""
    return f"{_LOCAL}?d={quote(name)}"
