"""Parquet, partitioned by the month of capture: month=2026-05/part-0.parquet, month=unknown/part-0.parquet."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from inference.scan.exports.scan_folder import ScanFolder
from inference.scan.record import Record

_BATCH: Final = 2000  # records that are in memory at a time
_MONTH: Final = "%Y-%m"
_UNKNOWN: Final = "unknown"
_OPEN_MONTHS: Final = 64  # files that are written at a time; an archive goes through its months more or less in order


def write_parquet(scan: ScanFolder, path: Path) -> None:
    """A row per record, with suggestions and detections as lists of structures, in a folder.

    Args:
        scan: The scan.
        path: The folder to make.
    """
    import pyarrow as pa  # optional: the extra `scan`
    from pyarrow import dataset

    schema = _schema(pa)
    batches = (pa.RecordBatch.from_pylist(rows, schema=schema) for rows in _batches(scan.records()))
    dataset.write_dataset(
        pa.RecordBatchReader.from_batches(schema, batches),
        path,
        format="parquet",
        partitioning=dataset.partitioning(pa.schema([("month", pa.string())]), flavor="hive"),
        basename_template="part-{i}.parquet",
        max_open_files=_OPEN_MONTHS,
        use_threads=False,  # rows keep their order
    )


def _batches(records: Iterator[Record]) -> Iterator[list[dict[str, object]]]:
    while batch := [_row(record) for record in islice(records, _BATCH)]:
        yield batch


def _row(record: Record) -> dict[str, object]:
    month = _UNKNOWN if record.moment is None else record.moment.strftime(_MONTH)
    return {**record.model_dump(exclude={"seconds", "schema_version"}), "month": month}


def _schema(pa: Any) -> Any:
    text, real = pa.string(), pa.float64()
    code = pa.struct([("scheme", text), ("code", text), ("name", text)])
    suggestion = [(name, text) for name in ("category", "name_zh", "name_en")]
    suggestion += [("probability", real), ("decision", text), ("codes", pa.list_(code)), ("department", text)]
    detection = [("category", text), ("score", real), ("box", pa.list_(real)), ("context", pa.bool_())]
    return pa.schema(
        [
            *((name, text) for name in ("status", "source", "path", "sha256")),
            ("size", pa.int64()),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("captured_at", text),
            ("latitude", real),
            ("longitude", real),
            ("verdict", text),
            ("suggestions", pa.list_(pa.struct(suggestion))),
            ("detections", pa.list_(pa.struct(detection))),
            ("warnings", pa.list_(text)),
            ("failure", pa.struct([("code", text), ("detail", text)])),
            ("same_as", text),
            ("month", text),
        ]
    )
