"""Looks whether a frozen version and its photos are still what they were."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from datasets.facts_cache import BATCH, READERS, batches
from datasets.files import PhotoFileError, read_file
from datasets.versions import FrozenPhoto, Version


def verify(version: Version, advance: Callable[[], None] = lambda: None) -> Iterator[str]:
    """Everything that is wrong, one sentence each; nothing when all is as it was.

    Every photo is read again: nothing that was remembered is believed.

    Args:
        version: What to look at.
        advance: Called after each photo.
    """
    if wrong := version.tampering():
        yield from wrong
        return
    with ThreadPoolExecutor(max_workers=READERS) as pool:
        for batch in batches(version.photos(), BATCH):
            for problem in pool.map(_problem, batch):
                advance()
                if problem:
                    yield problem


def _problem(frozen: FrozenPhoto) -> str:
    """What is wrong with a photo's file, or nothing."""
    path = frozen.photo.path
    try:
        data = read_file(path)
    except PhotoFileError as error:
        return f"{frozen.photo.key}: {error}"
    if hashlib.sha256(data).hexdigest() == frozen.sha256:
        return ""
    return f"{frozen.photo.key}: {path}: changed since it was frozen ({frozen.size:,} bytes then, {len(data):,} now)"
