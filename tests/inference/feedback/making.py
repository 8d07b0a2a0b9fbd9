"""Records of requests that nobody sent."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from inference.feedback.audit import AuditRecord, Suggested

NOON = datetime(2026, 5, 6, 12, tzinfo=UTC)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def photo(index: int, *suggested: tuple[str, float, str], content: str | None = None, **members: Any) -> dict[str, Any]:
    return {
        "index": index,
        "filename": f"IMG_{index}.jpg",
        "sha256": digest(content or f"photo {index}"),
        "bytes": 1000,
        "width": 640,
        "height": 480,
        "verdict": "issue" if suggested else "no_issue",
        "warnings": [],
        "suggestions": [{"category": c, "probability": p, "decision": d} for c, p, d in suggested],
        "detections": [],
        "error": None,
        **members,
    }


def audit(request_id: str, *photos: dict[str, Any], **members: Any) -> AuditRecord:
    """A record; without photos, of one that shows a full bin for sure and perhaps litter."""
    shown = photos or (photo(0, ("overflowing_bin", 0.97, "prefill"), ("exposed_garbage", 0.5, "suggest")),)
    strongest: dict[str, Suggested] = {}
    for each in shown:
        for suggestion in each["suggestions"]:
            name = suggestion["category"]
            indexes = tuple(p["index"] for p in shown if name in [s["category"] for s in p["suggestions"]])
            strongest.setdefault(name, Suggested(name, suggestion["probability"], suggestion["decision"], indexes))
    defaults: dict[str, Any] = {
        "external_id": None,
        "grid_id": None,
        "point_type": None,
        "received_at": NOON,
        "model": ("street-patrol-n", "0.1.0", "2ae0b1697fbd"),
        "verdict": "issue" if strongest else "no_issue",
        "latency_ms": 80.0,
    }
    return AuditRecord(
        request_id=request_id, suggestions=tuple(strongest.values()), photos=tuple(shown), **{**defaults, **members}
    )
