"""Finds the material that lies beside the checkout where the project is built, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

_SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared(*parts: str) -> Path:
    """The path of something under ../shared; skips the calling test where it is absent.

    Args:
        parts: Names below ../shared.
    """
    path = _SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs {path}, which only the machines that build the project have")
    return path
