"""The page of a report, written piece by piece: one file, and nothing that a browser would have to fetch."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from inference.compare import CHANGES
from inference.scan.exports.scan_folder import ScanFolder
from inference.scan.report.facts import UNDATED, ReportFacts
from inference.scan.report.pictures import Gallery
from inference.scan.report.place_facts import PlaceFacts
from inference.scan.report.scatter import Scatter, scatter
from inference.scan.settings import ScanSettings
from inference.scan.summary import STATUS_WORDS
from inference.wording import DECISIONS, percent, short

_TEMPLATES: Final = Path(__file__).with_name("templates")
_HEATS: Final = 8  # shades of a table's cells
_EARLIER: Final = "更早"
_BUFFER: Final = 64  # pieces written at a time


@dataclass(frozen=True, slots=True)
class Cell:
    """A number of a table, with its shade from 0 to 8."""

    count: int
    heat: int


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of counts.

    Attributes:
        columns: Their headings.
        rows: (id, heading, cells, sum), the largest sum first.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[Cell, ...], int], ...]


class Page:
    """Everything that the template shows.

    Args:
        scan: The scan.
        facts: What was counted.
        places: What is said about places.
        gallery: Makes pictures.
        settings: How much is shown.
    """

    def __init__(
        self, scan: ScanFolder, facts: ReportFacts, places: PlaceFacts, gallery: Gallery, settings: ScanSettings
    ) -> None:
        self.scan = scan
        self.facts = facts
        self.places = places
        self.gallery = gallery
        self.settings = settings.report
        self.repeat_months = settings.cases.repeat_months
        self.months = self._month_columns()
        self.by_month = self._grid([month for month, _ in self.months], 1)
        self.district_names = [name for name, _ in facts.photos.most_common()]
        self.by_district = self._grid(self.district_names, 2)

    @property
    def prefilled(self) -> int:
        """Problems that may be pre-filled."""
        return sum(count for (_, decision), count in self.facts.summary.categories.items() if decision == "prefill")

    def name(self, category: str) -> str:
        """A category's short Chinese name; its id, where no record names it."""
        return short(self.facts.names.get(category, (category, category))[0])

    def write(self, path: Path) -> None:
        """Write the page.

        Raises:
            OSError: It cannot be written.
        """
        from jinja2 import Environment, FileSystemLoader, StrictUndefined  # optional: the extra `scan`

        style, script = ((_TEMPLATES / name).read_text("utf-8") for name in ("report.css", "report.js"))
        environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters.update(comma=lambda number: f"{number:,}", short=short, percent=percent)
        stream = environment.get_template("report.html.j2").stream(
            page=self,
            facts=self.facts,
            places=self.places,
            map=self.map(),
            style=style,
            script=script,
            policy=_policy(style, script),
            words={"status": STATUS_WORDS, "decision": DECISIONS, "change": CHANGES},
            made_at=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        )
        stream.enable_buffering(_BUFFER)
        stream.dump(str(path), encoding="utf-8")

    def map(self) -> Scatter | None:
        """The map, the worst places marked."""
        marked = [
            (str(number), (place.latitude, place.longitude))
            for number, place in enumerate(self.places.worst, 1)
            if place.latitude is not None and place.longitude is not None
        ]
        return scatter(self.facts.positions.records(), marked)

    def samples(self) -> Any:
        """Category -> its pictures, the most frequent category first."""
        order = [row[0] for row in self.by_month.rows]
        return self.gallery.pictures({category: self.facts.gallery[category] for category in order})

    def share(self, district: str) -> str:
        """Share of a district's photos that show a problem."""
        photos = self.facts.photos[district]
        return percent(self.facts.problems[district] / photos) if photos else "-"

    def data(self) -> str:
        """What the page's script shows other views from: category x month x district, as JSON in a script element."""
        categories = [row[0] for row in self.by_month.rows]
        month_of = dict(self._column_of())
        triples: Counter[tuple[int, int, int]] = Counter()
        for (category, month, district), count in self.facts.counts.items():
            key = categories.index(category), month_of[month], self.district_names.index(district)
            triples[key] += count
        document = {"counts": [[*key, count] for key, count in sorted(triples.items())], "heats": _HEATS}
        return json.dumps(document, separators=(",", ":"))

    def _month_columns(self) -> list[tuple[str, tuple[str, ...]]]:
        """(heading, months added up in it), in the order of time."""
        dated = sorted(month for month in self.facts.months if month != UNDATED)
        late, early = dated[-self.settings.months :], dated[: -self.settings.months]
        columns: list[tuple[str, tuple[str, ...]]] = [(_EARLIER, tuple(early))] if early else []
        columns += [(month, (month,)) for month in late]
        return columns + ([(UNDATED, (UNDATED,))] if UNDATED in self.facts.months else [])

    def _column_of(self) -> list[tuple[str, int]]:
        return [(month, index) for index, (_, months) in enumerate(self.months) for month in months]

    def _grid(self, columns: Sequence[str], part: int) -> Grid:
        """Category x months (part 1 of the counts' keys) or districts (part 2)."""
        column_of = dict(self._column_of()) if part == 1 else {name: i for i, name in enumerate(columns)}
        table: dict[str, Counter[int]] = {category: Counter() for category in self.facts.names}
        for key, count in self.facts.counts.items():
            table[key[0]][column_of[key[part]]] += count
        largest = max((max(cells.values(), default=0) for cells in table.values()), default=0)
        rows = [
            (category, short(self.facts.names[category][0]), _cells(cells, len(columns), largest), cells.total())
            for category, cells in table.items()
        ]
        return Grid(tuple(columns), tuple(sorted(rows, key=lambda row: (-row[3], row[0]))))


def _cells(counts: Counter[int], columns: int, largest: int) -> tuple[Cell, ...]:
    return tuple(Cell(counts[i], heat(counts[i], largest)) for i in range(columns))


def heat(count: int, largest: int) -> int:
    """The shade of a count: 0 for none, else 1 to 8, by its square root, so that small counts differ, too."""
    return 0 if not count else max(1, round((count / largest) ** 0.5 * _HEATS))


def _policy(style: str, script: str) -> str:
    """A content security policy under which this page alone, and nothing from anywhere, is shown or run."""
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'"
    )
