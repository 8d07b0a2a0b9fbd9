"""Answers as tables for people, Chinese first or in English alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from inference.answer import CaseAnswer, PhotoAnswer, SuggestionAnswer
from inference.decide import Decision, Verdict
from inference.wording import DECISIONS, FAILED, VERDICTS, Lang, percent

_COLUMNS: Final[Sequence[tuple[Mapping[Lang, str], int | None]]] = (
    ({"zh": "照片", "en": "photo"}, None),
    ({"zh": "结论", "en": "verdict"}, 10),
    ({"zh": "类别", "en": "category"}, None),
    ({"zh": "概率", "en": "prob."}, 5),
    ({"zh": "决定", "en": "decision"}, 8),
    ({"zh": "编码", "en": "code"}, None),
    ({"zh": "责任部门", "en": "department"}, 10),
)
"""Names, and the columns of a terminal below which it is not squeezed."""

_VERDICT_STYLES: Final[Mapping[Verdict, str]] = {
    "issue": "bold",
    "uncertain": "yellow",
    "no_issue": "green",
    "unrelated": "dim",
    "unusable": "yellow",
}
_DECISION_STYLES: Final[Mapping[Decision, str]] = {"prefill": "bold red", "suggest": "blue"}


def photo_table(photos: Sequence[PhotoAnswer], lang: Lang) -> Table:
    """One photo after the other, a line per suggestion."""
    table = _empty_table(lang)
    files = [PurePath(photo["filename"]) for photo in photos]
    is_one_folder = len({file.parent for file in files}) == 1
    for file, photo in zip(files, photos, strict=True):
        verdict = _verdict(photo["verdict"], lang)
        if photo["error"] is not None:
            verdict = _words(FAILED, lang, "red")
        name = Text(file.name if is_one_folder else str(file))
        _add(table, name, verdict, photo["suggestions"], lang)
    return table


def case_table(case: CaseAnswer, lang: Lang) -> Table:
    """What the photos of a case show together, a line per suggestion."""
    table = _empty_table(lang)
    name: Mapping[Lang, str] = {
        "zh": f"全案 {len(case['photos'])} 张",
        "en": f"case of {len(case['photos'])}",
    }
    _add(table, _words(name, lang, "bold"), _verdict(case["verdict"], lang), case["suggestions"], lang)
    return table


def _empty_table(lang: Lang) -> Table:
    table = Table(box=box.HORIZONTALS, pad_edge=False)
    for names, least in _COLUMNS:
        table.add_column(_words(names, lang), overflow="fold", min_width=least)
    return table


def _add(table: Table, name: Text, verdict: Text, suggestions: Sequence[SuggestionAnswer], lang: Lang) -> None:
    """A photo's lines, and a rule below them."""
    rows = [_cells(suggestion, lang) for suggestion in suggestions] or [()]
    for number, cells in enumerate(rows, 1):
        first = (name, verdict) if number == 1 else ("", "")
        table.add_row(*first, *cells, end_section=number == len(rows))


def _cells(suggestion: SuggestionAnswer, lang: Lang) -> tuple[Text, ...]:
    names: Mapping[Lang, str] = {"zh": suggestion["name_zh"], "en": suggestion["name_en"]}
    decision = suggestion["decision"]
    return (
        _words(names, lang),
        Text(percent(suggestion["probability"]), justify="right"),
        _words(DECISIONS[decision], lang, _DECISION_STYLES[decision]),
        Text("\n".join(f"{code['code']} {code['name']}" for code in suggestion["codes"])),
        Text(suggestion["department"]),
    )


def _verdict(verdict: Verdict, lang: Lang) -> Text:
    return _words(VERDICTS[verdict], lang, _VERDICT_STYLES[verdict])


def _words(words: Mapping[Lang, str], lang: Lang, style: str = "") -> Text:
    """Chinese with English below it, or English alone."""
    if lang == "en":
        return Text(words["en"], style)
    return Text.assemble((words["zh"], style), "\n", (words["en"], "dim"))
