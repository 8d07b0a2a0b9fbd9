"""What an operator sets for the service: configs/service.yaml, and PATROL_* variables, which win."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from inference.config_file import ConfigFileError, Mistakes, read_yaml
from inference.cores import cores
from inference.engine import Provider
from inference.errors import ConfigError
from inference.paths import CONFIGS, MODELS
from inference.photo import DEFAULT_LIMITS, PhotoLimits

_PREFIX: Final = "PATROL_"
_MIB: Final = 1024 * 1024
_VALUE_SHOWN: Final = 80


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _only_loopback(host: str) -> str:
    if not _is_loopback(host):
        raise ValueError(
            "other machines could reach the service there, which requires API keys; those come with a later release"
        )
    return host


class ServiceSettings(BaseSettings):
    """The service's settings; a description says what a right value is, and is shown when it is wrong."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_ignore_empty=True, env_parse_none_str="null", extra="forbid", frozen=True
    )

    host: Annotated[str, AfterValidator(_only_loopback)] = Field(
        default="127.0.0.1",
        description="Listen on 127.0.0.1, ::1 or localhost; to serve other machines, put a reverse proxy "
        "that asks for a login on this machine, in front of the service.",
    )
    port: int = Field(
        default=8000, ge=0, le=65535, description="Give a TCP port from 1 to 65535, or 0 for any free one."
    )
    model: Path = Field(default=MODELS / "street-patrol-n", description="Give the folder of a model package.")
    categories: Path = Field(default=CONFIGS / "categories.yaml", description="Give the path of a categories.yaml.")
    mappings: Path = Field(default=CONFIGS / "mappings", description="Give a folder of <scheme>.csv files.")
    default_scheme: str = Field(
        default="gbt47678.5-2026", description="Give the name of a file of the mappings folder, without .csv."
    )
    provider: Provider | Literal["auto"] = Field(default="auto", description="Give auto, cuda, openvino or cpu.")
    threads: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="Give a number of CPU threads, or null for as many as there are cores.",
    )
    concurrency: int | None = Field(
        default=None, ge=1, le=1024, description="Give a number of photos, or null for as many as there are cores."
    )
    max_photos: int = Field(default=16, ge=1, le=1000, description="Give a number of photos per request.")
    max_photo_bytes: int = Field(default=DEFAULT_LIMITS.max_bytes, ge=1, description="Give a number of bytes.")
    max_photo_pixels: int = Field(default=DEFAULT_LIMITS.max_pixels, ge=1, description="Give width times height.")
    min_photo_side: int = Field(default=DEFAULT_LIMITS.min_side, ge=1, description="Give a number of pixels.")
    max_body_bytes: int = Field(default=128 * _MIB, ge=1024, description="Give a number of bytes, at least 1024.")
    body_timeout: float = Field(default=30, gt=0, description="Give a number of seconds.")
    shutdown_timeout: int = Field(default=30, ge=1, description="Give a number of whole seconds.")
    feedback_database: str | None = Field(
        default="sqlite:///patrol-feedback.sqlite",
        description="Give sqlite:///some/file.sqlite, postgresql://user:password@host/name, or null to keep nothing.",
    )
    feedback_filenames: bool = Field(default=True, description="Give true or false.")
    feedback_buffer: int = Field(default=10_000, ge=1, description="Give a number of records, at least 1.")
    stats_days: int = Field(default=30, ge=1, le=36_500, description="Give a number of days, at least 1.")
    drift_threshold: float = Field(default=0.2, gt=0, description="Give a number above 0, such as 0.2.")
    drift_requests: int = Field(default=200, ge=10, description="Give a number of requests, at least 10.")
    drift_reference: int = Field(default=1000, ge=10, description="Give a number of requests, at least 10.")
    keep_photos: str | None = Field(
        default=None, description="Give a folder, an address such as s3://bucket/folder, or null to keep none."
    )
    keep_photos_days: float = Field(default=30, gt=0, le=36_500, description="Give a number of days above 0.")
    keep_photos_buffer: int = Field(
        default=256 * _MIB, ge=_MIB, description="Give a number of bytes, at least 1048576."
    )
    keep_records_days: float | None = Field(
        default=None, gt=0, le=36_500, description="Give a number of days above 0, or null for ever."
    )
    retention_minutes: float = Field(default=60, gt=0, description="Give a number of minutes above 0.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Give debug, info, warning or error."
    )

    @property
    def photo_limits(self) -> PhotoLimits:
        """What one photo may ask of this machine."""
        return PhotoLimits(self.max_photo_bytes, self.max_photo_pixels, self.min_photo_side)

    @property
    def workers(self) -> int:
        """Photos decoded and judged at the same time."""
        return self.concurrency or cores()


def load_settings(
    path: Path = CONFIGS / "service.yaml", options: Mapping[str, object] | None = None
) -> ServiceSettings:
    """The settings of a file, of the environment, which wins, and of a command line, which wins over both.

    Args:
        path: The file.
        options: Settings given on the command line, by field name.

    Raises:
        ConfigError: The file cannot be read, or is not YAML.
        ConfigFileError: Some settings are wrong; all of them are listed, with where each was given.
    """
    given = _Given(path, _read(path), dict(options or {}))
    try:
        return ServiceSettings(**given.arguments())
    except ValidationError as error:
        raise ConfigFileError([given.mistake(wrong) for wrong in error.errors()]) from error


@dataclass(frozen=True, slots=True)
class _Given:
    """Where each setting was given.

    Attributes:
        path: The file.
        entries: What it holds: key -> (value, line).
        options: What the command line says.
    """

    path: Path
    entries: Mapping[str, tuple[object, int]]
    options: Mapping[str, object] = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        """Everything but what the environment says, which pydantic-settings adds."""
        from_file = {key: value for key, (value, _) in self.entries.items() if _variable(key) is None}
        return {**from_file, **self.options}

    def mistake(self, wrong: ErrorDetails) -> ConfigError:
        """What pydantic found wrong, in an operator's terms."""
        key = str(wrong["loc"][0])
        if key not in ServiceSettings.model_fields:
            return ConfigError(self.path, self._line(key), f"has an unknown setting '{key}'", _did_you_mean(key))
        said = wrong["msg"].removeprefix("Value error, ")
        problem = f"is {str(wrong['input'])[:_VALUE_SHOWN]!r}: {said[:1].lower()}{said[1:]}"
        remedy = ServiceSettings.model_fields[key].description or ""
        variable = _variable(key)
        if key in self.options:
            return ConfigError(Path(f"option --{key.replace('_', '-')}"), None, problem, remedy)
        if variable is not None:
            return ConfigError(Path(f"environment variable {variable}"), None, problem, remedy)
        return ConfigError(self.path, self._line(key), f"{key} {problem}", remedy)

    def _line(self, key: str) -> int | None:
        return self.entries[key][1] if key in self.entries else None


def _variable(key: str) -> str | None:
    """The variable that sets a key, as it is spelt in the environment."""
    wanted = f"{_PREFIX}{key}".casefold()
    return next((name for name, value in os.environ.items() if value and name.casefold() == wanted), None)


def _did_you_mean(key: str) -> str:
    near = get_close_matches(key, ServiceSettings.model_fields, 1)
    return f"Did you mean {near[0]}?" if near else f"The settings are {', '.join(ServiceSettings.model_fields)}."


def _read(path: Path) -> dict[str, tuple[object, int]]:
    """The file's entries, with their lines."""
    root = read_yaml(path)
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(path, 1, "holds no settings", "Write each setting as `name: value`.")
    mistakes = Mistakes(path)
    entries: dict[str, tuple[object, int]] = {}
    for key, value in root.value:
        line = key.start_mark.line + 1
        _, first = entries.setdefault(str(key.value), (_value(value, mistakes), line))
        if first != line:
            mistakes.add(line, f"sets {key.value} twice, first in line {first}", "Keep one of them.")
    mistakes.raise_if_any()
    return entries


def _value(node: yaml.Node, mistakes: Mistakes) -> str | None:
    """A value as it is written: YAML itself would read `yes` as 1, `1:20` as 80, and stumble over 2026-02-30."""
    if not isinstance(node, yaml.ScalarNode):
        mistakes.add(node.start_mark.line + 1, "a setting has a list or fields", "Write one value after the colon.")
        return None
    return None if node.tag == "tag:yaml.org,2002:null" else str(node.value)
