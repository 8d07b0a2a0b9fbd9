"""GeoJSON (RFC 7946): the photos that say where they were taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from inference.scan.exports.json_stream import write_document
from inference.scan.exports.scan_folder import ScanFolder
from inference.scan.record import Record


def write_geojson(scan: ScanFolder, path: Path) -> None:
    """A point per judged photo with a position."""
    parts = {"type": "FeatureCollection", "features": _features(scan)}
    write_document(path, parts, frozenset({"features"}))


def _features(scan: ScanFolder) -> Iterator[dict[str, object]]:
    for record in scan.records():
        if record.latitude is not None and record.longitude is not None:
            yield {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [record.longitude, record.latitude]},
                "properties": _properties(scan.name(record), record),
            }


def _properties(name: str, record: Record) -> dict[str, object]:
    return {
        "photo": name,
        "captured_at": record.captured_at,
        "verdict": record.verdict,
        "categories": [suggestion.category for suggestion in record.suggestions],
        "names_zh": [suggestion.name_zh for suggestion in record.suggestions],
        "probabilities": [suggestion.probability for suggestion in record.suggestions],
        "decisions": [suggestion.decision for suggestion in record.suggestions],
        "same_as": record.same_as,
    }
