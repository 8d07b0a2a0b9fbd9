"""What an operator sets for the service: configs/service.yaml, and PATROL_* variables, which win."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from inference.config_file import ConfigFileError, Mistakes, read_yaml
from inference.cores import cores
from inference.engine import Provider
from inference.errors import ConfigError
from inference.fetch_policy import Allowed
from inference.paths import CONFIGS, MODELS
from inference.photo import DEFAULT_LIMITS, PhotoLimits
from inference.rates import checked_rate

_PREFIX: Final = "PATROL_"
SERVICE_FILE: Final = CONFIGS / "service.yaml"
_MIB: Final = 1024 * 1024
_FROM_FILE: Final = "_file"
_VALUE_SHOWN: Final = 80
_LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "::1")
_BODIES: Final = 4  # of the largest size
_QUEUED_PER_WORKER: Final = 32  # about a second of waiting at 30 ms a photo, on any number of cores


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _not_empty(host: str) -> str:
    if not host:
        raise ValueError("an empty address would be every address of this machine")
    return host


def _split(value: object) -> object:
    """The entries of a text with commas."""
    return tuple(entry for entry in map(str.strip, value.split(",")) if entry) if isinstance(value, str) else value


def _checked_networks(entries: tuple[str, ...]) -> tuple[str, ...]:
    for entry in entries:
        ip_network(entry)
    return entries


def _checked_fetch_allow(entries: tuple[str, ...]) -> tuple[str, ...]:
    for entry in entries:
        Allowed.read(entry)
    return entries


_Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
_Rate = Annotated[str, AfterValidator(checked_rate)]


class ServiceSettings(BaseSettings):
    """The service's settings; a description says what a right value is, and is shown when it is wrong."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_ignore_empty=True, env_parse_none_str="null", extra="forbid", frozen=True
    )

    host: Annotated[str, AfterValidator(_not_empty)] = Field(
        default="127.0.0.1",
        description="Give 127.0.0.1 to serve this machine, or an address of it (0.0.0.0: all) to serve others, which "
        "requires API keys.",
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
        description="Give a number of CPU threads, or null to share the cores among `concurrency` photos.",
    )
    concurrency: int | None = Field(
        default=None, ge=1, le=1024, description="Give a number of photos, or null for as many as there are cores."
    )
    max_photos: int = Field(default=16, ge=1, le=1000, description="Give a number of photos per request.")
    max_photo_bytes: int = Field(default=DEFAULT_LIMITS.max_bytes, ge=1, description="Give a number of bytes.")
    max_photo_pixels: int = Field(default=DEFAULT_LIMITS.max_pixels, ge=1, description="Give width times height.")
    min_photo_side: int = Field(default=DEFAULT_LIMITS.min_side, ge=1, description="Give a number of pixels.")
    max_body_bytes: int = Field(default=128 * _MIB, ge=1024, description="Give a number of bytes, at least 1024.")
    max_pending_bytes: int | None = Field(
        default=None,
        ge=1024,
        description="Give a number of bytes, not under max_body_bytes, or null for four times max_body_bytes.",
    )
    body_timeout: float = Field(default=30, gt=0, description="Give a number of seconds.")
    upload_timeout: float = Field(default=300, gt=0, description="Give a number of seconds.")
    header_timeout: float = Field(default=10, gt=0, description="Give a number of seconds.")
    max_header_bytes: int = Field(default=32 * 1024, ge=4096, description="Give a number of bytes, at least 4096.")
    max_connections: int = Field(default=512, ge=1, description="Give a number of connections.")
    keys_file: Path = Field(default=Path("patrol-keys.json"), description="Give the path of a file of API keys.")
    require_keys: bool = Field(default=False, description="Give true or false.")
    key_rate: _Rate | None = Field(
        default="1200/minute", description="Give a limit such as 60/minute for each API key, or null for none."
    )
    client_rate: _Rate | None = Field(
        default=None, description="Give a limit such as 60/minute for each client without a key, or null for none."
    )
    allowed_hosts: _Listed | None = Field(
        default=None, description="Give the names that clients call the service by, with commas, or * for any."
    )
    cors_origins: _Listed = Field(
        default=(), description="Give origins of web pages such as https://cases.example, with commas."
    )
    trusted_proxies: Annotated[_Listed, AfterValidator(_checked_networks)] = Field(
        default=(), description="Give addresses or networks of reverse proxies, such as 127.0.0.1, with commas."
    )
    fetch_allow: Annotated[_Listed, AfterValidator(_checked_fetch_allow)] = Field(
        default=(),
        description="Give host names, *.domains, and addresses or networks that may be private, with commas.",
    )
    fetch_timeout: float = Field(default=10, gt=0, description="Give a number of seconds.")
    label_studio_files: Path | None = Field(
        default=None, description="Give the folder of Label Studio's LOCAL_FILES_DOCUMENT_ROOT, or null for none."
    )
    label_studio_min_score: float = Field(
        default=0.25, ge=0.001, le=1, description="Give a score from 0.001 to 1 from which boxes are drawn in tasks."
    )
    max_queue: int | None = Field(
        default=None,
        ge=1,
        description="Give a number of photos, not under max_photos, or null for 32 per photo judged at the same time.",
    )
    deadline: float = Field(default=30, gt=0, description="Give a number of seconds.")
    models_dir: Path | None = Field(
        default=None, description="Give a folder of model packages, or null for the folder that `model` lies in."
    )
    keep_previous: bool = Field(default=True, description="Give true or false.")
    golden_check_seconds: float | None = Field(
        default=600, gt=0, description="Give a number of seconds, or null for no check after the start."
    )
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

    @field_validator("max_pending_bytes", "max_queue")
    @classmethod
    def _holds_a_request(cls, value: int | None, info: ValidationInfo) -> int | None:
        """Refuse a limit under which a request that other settings allow would never be taken."""
        other = {"max_pending_bytes": "max_body_bytes", "max_queue": "max_photos"}[str(info.field_name)]
        least = info.data.get(other)
        if value is not None and least is not None and value < least:
            raise ValueError(f"under {other} ({least}), so that a request of that size would never be taken")
        return value

    @property
    def is_exposed(self) -> bool:
        """Whether other machines can reach the service."""
        return not _is_loopback(self.host)

    @property
    def needs_keys(self) -> bool:
        """Whether a request needs an API key."""
        return self.require_keys or self.is_exposed

    @property
    def hosts(self) -> tuple[str, ...] | None:
        """Names that a request may call the service by, or None for any.

        On loopback only this machine's, or any web page could reach the service by a name of its own that resolves
        to 127.0.0.1 (DNS rebinding). Where keys are needed that gains a page nothing: browsers send none by themselves.
        """
        if self.allowed_hosts:
            return None if "*" in self.allowed_hosts else self.allowed_hosts
        return None if self.is_exposed else _LOOPBACK_NAMES

    @property
    def photo_limits(self) -> PhotoLimits:
        """What one photo may ask of this machine."""
        return PhotoLimits(self.max_photo_bytes, self.max_photo_pixels, self.min_photo_side)

    @property
    def workers(self) -> int:
        """Photos decoded and judged at the same time."""
        return self.concurrency or cores()

    @property
    def engine_threads(self) -> int:
        """CPU threads of one photo in the model; more photos times threads than cores halve the rate."""
        return self.threads or max(1, cores() // self.workers)

    @property
    def pending_bytes(self) -> int:
        """Bytes of request bodies held at the same time."""
        return self.max_pending_bytes or _BODIES * self.max_body_bytes

    @property
    def queue_photos(self) -> int:
        """Photos that may wait for a thread."""
        return self.max_queue or max(_QUEUED_PER_WORKER * self.workers, self.max_photos)

    @property
    def models_folder(self) -> Path:
        """Where models to load lie."""
        return self.model.parent if self.models_dir is None else self.models_dir


def load_settings(path: Path = SERVICE_FILE, options: Mapping[str, object] | None = None) -> ServiceSettings:
    """The settings of a file, of the environment, which wins, and of a command line, which wins over both.

    Args:
        path: The file.
        options: Settings given on the command line, by field name.

    Raises:
        ConfigError: The file cannot be read, or is not YAML.
        ConfigFileError: Some settings are wrong; all of them are listed, with where each was given.
    """
    given = _Given(path, _read(path), dict(options or {}), _secrets())
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
        secrets: What files say that the environment names.
    """

    path: Path
    entries: Mapping[str, tuple[object, int]]
    options: Mapping[str, object] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        """Everything but what the environment says, which pydantic-settings adds."""
        from_file = {key: value for key, (value, _) in self.entries.items() if _variable(key) is None}
        return {**from_file, **self.secrets, **self.options}

    def mistake(self, wrong: ErrorDetails) -> ConfigError:
        """What pydantic found wrong, in an operator's terms."""
        key = str(wrong["loc"][0])
        if key not in ServiceSettings.model_fields:
            return ConfigError(self.path, self._line(key), f"has an unknown setting '{key}'", _did_you_mean(key))
        said = wrong["msg"].removeprefix("Value error, ")
        problem = f"is {str(wrong['input'])[:_VALUE_SHOWN]!r}: {said[:1].lower()}{said[1:]}"
        remedy = ServiceSettings.model_fields[key].description or ""
        variable = _variable(key)
        if key in self.secrets:  # which must not be shown
            return ConfigError(Path(f"environment variable {_variable(f'{key}{_FROM_FILE}')}"), None, said, remedy)
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


def _secrets() -> dict[str, str]:
    """Settings that are kept out of the environment: PATROL_NAME_FILE names a file whose text is the value of `name`.

    Raises:
        ConfigError: Such a file cannot be read.
    """
    found: dict[str, str] = {}
    for name in ServiceSettings.model_fields:
        variable = _variable(f"{name}{_FROM_FILE}")
        if variable is None:
            continue
        try:
            found[name] = Path(os.environ[variable]).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            where = Path(f"environment variable {variable}")
            problem = f"names the file {os.environ[variable]}, which cannot be read ({error})"
            raise ConfigError(where, None, problem, "Name a text file that the service's user reads.") from error
    return found


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
