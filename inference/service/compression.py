"""Compressed bodies, with a bound on what they unfold to."""

from __future__ import annotations

import gzip
import zlib
from typing import Final

from inference.service.problems import BODY_TOO_LARGE, MALFORMED_COMPRESSION, UNSUPPORTED_ENCODING, Problem

ENCODINGS: Final = ("gzip", "deflate")
_WINDOW: Final = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_LEVEL: Final = 1  # answers are numbers and short texts: more effort hardly makes them smaller


def inflated(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """A body as it was before it was compressed.

    Args:
        body: As it arrived.
        encoding: Its Content-Encoding; empty for none.
        max_bytes: That it may unfold to; no more is ever unfolded.

    Raises:
        Problem: It is compressed otherwise, damaged, or unfolds to more.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in _WINDOW:
        detail = f"The Content-Encoding is {name[:40]!r}; send gzip, deflate, or the body as it is."
        raise Problem(UNSUPPORTED_ENCODING, detail, headers={"Accept-Encoding": ", ".join(ENCODINGS)})
    unpacker = zlib.decompressobj(_WINDOW[name])
    try:
        plain = unpacker.decompress(body, max_bytes)
    except zlib.error as error:
        raise Problem(MALFORMED_COMPRESSION, f"The body is not {name}: {error}.") from error
    if unpacker.unconsumed_tail:
        detail = f"The body unfolds to more than the {max_bytes:,} bytes allowed; send fewer or smaller photos."
        raise Problem(BODY_TOO_LARGE, detail, max_bytes=max_bytes)
    if not unpacker.eof or unpacker.unused_data:
        raise Problem(MALFORMED_COMPRESSION, f"The body is not one whole {name} stream.")
    return plain


def wanted_encoding(accept: str) -> str | None:
    """The first encoding of an Accept-Encoding that is spoken here; None: send the answer as it is."""
    for entry in accept.lower().split(","):
        name, _, parameters = entry.partition(";")
        if name.strip() in ENCODINGS and parameters.replace(" ", "") not in ("q=0", "q=0.0"):
            return name.strip()
    return None


def deflated(body: bytes, encoding: str) -> bytes:
    """A body compressed, always to the same bytes."""
    return gzip.compress(body, _LEVEL, mtime=0) if encoding == "gzip" else zlib.compress(body, _LEVEL)
