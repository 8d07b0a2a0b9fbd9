"""What a report says, gathered in two passes over the records, in memory that does not grow with them."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from inference.scan.exports.scan_folder import ScanFolder
from inference.scan.record import Record
from inference.scan.report.districts import DistrictChooser, Districts
from inference.scan.report.settings import ReportSettings
from inference.scan.summary import Summary

UNDATED: Final = "无日期"
_PER_CATEGORY: Final = 40  # photos sampled per category, of which those are shown that can be read again


@dataclass(slots=True)
class Sample:
    """A random sample that needs no second look: the photos with the smallest hashes, whatever their order."""

    size: int
    _kept: list[tuple[int, int, Record]] = field(default_factory=list)
    _count: int = 0

    def add(self, record: Record) -> None:
        """Offer a photo."""
        key = -int((record.sha256 or "f" * 64)[:15], 16)
        self._count += 1
        entry = (key, -self._count, record)
        if len(self._kept) < self.size:
            heapq.heappush(self._kept, entry)
        elif entry > self._kept[0]:
            heapq.heapreplace(self._kept, entry)

    def records(self) -> list[Record]:
        """The sample, in random order."""
        return [record for _, _, record in sorted(self._kept, key=lambda entry: entry[:2], reverse=True)]


@dataclass(slots=True)
class ReportFacts:
    """Everything that is counted.

    Attributes:
        summary: Inputs by status, photos by category, failures.
        districts: How photos are given a district.
        counts: (category, month, district) -> photos; duplicates left out.
        problems: Photos with any suggestion, by district.
        photos: Photos that were judged, by district; duplicates left out.
        months: Judged photos by month.
        first: Earliest time, ISO 8601, or None.
        last: Latest time.
        placed: Photos with a position.
        positions: A sample of them.
        gallery: Category -> sample of the photos that show it.
        failed: The first failed inputs.
    """

    summary: Summary
    districts: Districts
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    photos: Counter[str] = field(default_factory=Counter)
    months: Counter[str] = field(default_factory=Counter)
    first: str | None = None
    last: str | None = None
    placed: int = 0
    positions: Sample = field(default_factory=lambda: Sample(0))
    gallery: dict[str, Sample] = field(default_factory=dict)
    failed: list[Record] = field(default_factory=list)

    @property
    def names(self) -> dict[str, tuple[str, str]]:
        """Category -> Chinese and English name, of those that were suggested."""
        return self.summary.names

    def add(self, record: Record, settings: ReportSettings) -> None:
        """Count a record."""
        self.summary.add(record)
        if record.status == "failed":
            if len(self.failed) < settings.failures:
                self.failed.append(record)
            return
        if record.same_as is not None:
            return
        self._count(record)
        self._place(record)
        for suggestion in record.suggestions:
            self.gallery.setdefault(suggestion.category, Sample(_PER_CATEGORY)).add(record)

    def _count(self, record: Record) -> None:
        moment, district = record.moment, self.districts.of(record)
        month = UNDATED if moment is None else moment.strftime("%Y-%m")
        self.months[month] += 1
        self.photos[district] += 1
        self.problems[district] += bool(record.suggestions)
        for suggestion in record.suggestions:
            self.counts[suggestion.category, month, district] += 1
        if moment is not None:
            when = moment.replace(tzinfo=None).isoformat(" ", "minutes")
            self.first = when if self.first is None else min(self.first, when)
            self.last = when if self.last is None else max(self.last, when)

    def _place(self, record: Record) -> None:
        if record.latitude is not None and record.longitude is not None:
            self.placed += 1
            self.positions.add(record)


def gather(scan: ScanFolder, settings: ReportSettings, level: int | None = None) -> ReportFacts:
    """The facts of a scan.

    Args:
        scan: The scan.
        settings: How much is told apart.
        level: Which folder of a path is the district; None: chosen by what the paths look like.
    """
    chooser = DistrictChooser(settings.districts, level)
    for record in scan.records():
        if record.status != "failed":
            chooser.add(record)
    facts = ReportFacts(Summary(), chooser.chosen(), positions=Sample(settings.map_points))
    for record in scan.records():
        facts.add(record, settings)
    return facts
