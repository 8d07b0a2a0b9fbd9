"""What the service counts about itself, for Prometheus."""

from __future__ import annotations

from typing import Final, Protocol

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from starlette.types import Scope

from inference.package import ModelDescription
from inference.service.record import RequestRecord

router = APIRouter(tags=["health"])

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE: Final = "none"
"""Route label of requests to addresses that there are not; the address itself would be an unbounded label."""


class Queue(Protocol):
    """What is shown of a queue."""

    @property
    def waiting(self) -> int:
        """Photos not begun."""

    @property
    def working(self) -> int:
        """Photos being judged."""


class Bodies(Protocol):
    """What is shown of the bodies in memory."""

    held: int


class Records(Protocol):
    """What is shown of the records of answers."""

    @property
    def waiting(self) -> int:
        """Not yet written."""

    @property
    def lost(self) -> int:
        """Never written."""

    @property
    def photos_lost(self) -> int:
        """Photos that were to be kept, and were never written."""


class Metrics:
    """Every metric, in a registry of its own. Labels take values from routes, code and loaded models alone."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self.registry = registry
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._requests = Counter(
            "patrol_requests",
            "Requests answered; problem is the slug of the problem document, empty for none.",
            ["method", "route", "status", "problem"],
            registry=registry,
        )
        self._request_seconds = Histogram(
            "patrol_request_seconds", "From head to answer.", ["route"], buckets=_SECONDS, registry=registry
        )
        self._stage_seconds = Histogram(
            "patrol_stage_seconds",
            "By stage: receive once a request; queue, decode, infer, decide once a photo.",
            ["stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._photos = Counter(
            "patrol_photos",
            "Photos judged; outcome is the verdict, or the code of the error.",
            ["model_version", "outcome"],
            registry=registry,
        )
        self._model = Gauge(
            "patrol_model_info", "1 for the model that answers.", ["name", "version", "data_version"], registry=registry
        )
        self._swaps = Counter("patrol_model_swaps", "Changes of the model that answers.", registry=registry)
        self._golden = Gauge("patrol_golden_match", "1 while golden outputs come out as they must.", registry=registry)
        self.in_flight = Gauge("patrol_requests_in_flight", "Requests being answered.", registry=registry)
        self._waiting = Gauge("patrol_queue_photos", "Photos that wait for a thread.", registry=registry)
        self._working = Gauge("patrol_working_photos", "Photos being judged.", registry=registry)
        self._capacity = Gauge("patrol_queue_capacity_photos", "Photos that may wait.", registry=registry)
        self._held = Gauge(
            "patrol_body_bytes", "Bytes of request bodies held, reserved ones included.", registry=registry
        )
        self._records_waiting = Gauge(
            "patrol_records_waiting", "Records of answers not yet in the database.", registry=registry
        )
        self._records_lost = Gauge(
            "patrol_records_lost", "Records of answers that were never written, since the start.", registry=registry
        )
        self._photos_lost = Gauge(
            "patrol_kept_photos_lost", "Photos to be kept that were never written, since the start.", registry=registry
        )

    def observe_request(self, record: RequestRecord, scope: Scope) -> None:
        """Count an answered request."""
        method = record.method if record.method in _METHODS else "other"
        route = getattr(scope.get("route"), "path", NO_ROUTE)
        self._requests.labels(method, route, str(record.status or 0), record.problem or "").inc()
        self._request_seconds.labels(route).observe(record.elapsed)
        if "receive" in record.seconds:
            self.observe_stage("receive", record.seconds["receive"])

    def observe_stage(self, stage: str, seconds: float) -> None:
        """Count time spent in a stage."""
        self._stage_seconds.labels(stage).observe(seconds)

    def observe_photo(self, model: ModelDescription, outcome: str) -> None:
        """Count a judged photo."""
        self._photos.labels(model.version, outcome).inc()

    def set_model(self, model: ModelDescription) -> None:
        """Tell which model answers from now on."""
        self._model.clear()
        self._model.labels(model.name, model.version, model.data.version).set(1)
        self._golden.set(1)

    def count_swap(self) -> None:
        """Count a change of the model."""
        self._swaps.inc()

    def set_golden(self, *, is_right: bool) -> None:
        """Tell whether golden outputs came out right."""
        self._golden.set(is_right)

    def watch_queue(self, queue: Queue, capacity: int) -> None:
        """Show a queue's numbers whenever metrics are read."""
        self._waiting.set_function(lambda: queue.waiting)
        self._working.set_function(lambda: queue.working)
        self._capacity.set(capacity)

    def watch_bodies(self, bodies: Bodies) -> None:
        """Show the bytes of bodies held whenever metrics are read."""
        self._held.set_function(lambda: bodies.held)

    def watch_records(self, records: Records) -> None:
        """Show how the records of answers do whenever metrics are read."""
        self._records_waiting.set_function(lambda: records.waiting)
        self._records_lost.set_function(lambda: records.lost)
        self._photos_lost.set_function(lambda: records.photos_lost)


@router.get(
    "/metrics",
    summary="指标 Metrics",
    description="Prometheus 文本格式的运行指标。\n\nCounters and histograms in Prometheus' text format.",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Tell them."""
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    found: Metrics = request.app.state.startup.metrics
    return Response(encode(found.registry), media_type=content_type, headers={"Cache-Control": "no-store"})
