"""Where the shipped configuration and model packages lie."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_BUNDLED = _PACKAGE / "_bundled"


def _shipped(name: str) -> Path:
    """`name` inside the wheel when installed, beside the packages in a checkout."""
    bundled = _BUNDLED / name
    return bundled if bundled.is_dir() else _PACKAGE.parent / name


CONFIGS = _shipped("configs")
MODELS = _shipped("models")
