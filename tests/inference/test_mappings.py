"""The shipped schemes against their sources, and every mistake an operator can make in one."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.categories import Catalogue, Category, UnknownCategory, load_catalogue
from inference.config_file import ConfigFileError
from inference.errors import ConfigError
from inference.mappings import COLUMNS, Code, Scheme, load_scheme, load_schemes
from inference.paths import CONFIGS
from tests.shared import shared

CATALOGUE = load_catalogue()
SCHEMES = load_schemes(CONFIGS / "mappings", CATALOGUE)
GBT = SCHEMES["gbt47678.5-2026"]
TRANSCRIBED = "transcribed, verify against the official text"


def source() -> list[dict[str, str]]:
    entries: list[dict[str, str]] = json.loads(shared("domain", "categories.json").read_text("utf-8"))
    return entries


def own_codes(scheme: Scheme) -> dict[str, list[Code]]:
    return {category.id: list(scheme.codes(category.id)) for category in CATALOGUE.problems}


# ------------------------------------------------------------------------------- the shipped schemes


def test_shipped_schemes() -> None:
    assert list(SCHEMES) == ["gbt47678.5-2026", "legacy-a", "legacy-b", "open311"]
    assert all(SCHEMES[name].name == name for name in SCHEMES)


def test_standard_codes_have_the_names_of_the_transcription() -> None:
    with shared("domain", "gbt47678_5_matters.tsv").open(encoding="utf-8", newline="") as file:
        names = {row["code"]: row["name"] for row in csv.DictReader(file, delimiter="\t")}
    codes = [code for codes in own_codes(GBT).values() for code in codes]
    matters = [code for code in codes if not code.code.startswith("01")]
    components = [code for code in codes if code.code.startswith("01")]  # not in the list of matters
    assert {code.code: code.name for code in matters}.items() <= names.items()
    assert all(re.fullmatch(r"010\d\d", code.code) and code.name.endswith("异常") for code in components)


def test_every_standard_code_of_the_source_is_mapped_with_its_name() -> None:
    for entry in source():
        mapped = {code.code: code.name for code in GBT.codes(entry["id"])}
        text = entry["gbt47678_5_2026"]
        if entry["id"] not in {"umbrella_stall", "manhole_cover_defect"}:  # these two name ranges
            assert {*re.findall(r"\b\d{5}\b", text)} <= mapped.keys(), entry["id"]
        named = dict(re.findall(r"(?<!-)\b(\d{5}) ([^\s;]*[\u4e00-\u9fff（）、]+)", text))
        assert named.items() <= mapped.items(), entry["id"]


def test_the_default_code_is_the_first_that_the_source_names() -> None:
    for entry in source():
        first = re.search(r"\b\d{5}\b", entry["gbt47678_5_2026"])
        if first and entry["id"] != "manhole_cover_defect":
            assert GBT.codes(entry["id"])[0].code == first.group(), entry["id"]


def test_categories_without_an_exact_code_say_so() -> None:
    for entry in source():
        text = entry["gbt47678_5_2026"]
        said = "no exact code" in "".join(code.note for code in GBT.codes(entry["id"]))
        assert said == text.startswith(("none", "no road-ponding row")), entry["id"]


def test_a_street_vendor_is_unlicensed_only_if_a_person_says_so() -> None:
    codes = GBT.codes("street_vendor")
    assert [code.code for code in codes] == ["09006", "09001"]
    assert "only when a person confirms" in codes[1].note


def test_components_default_to_the_unknown_owner() -> None:
    assert GBT.codes("manhole_cover_defect")[0].name == "不明井盖异常"


@pytest.mark.parametrize(("name", "letter"), [("legacy-a", "A"), ("legacy-b", "B")])
def test_legacy_codes_are_those_of_the_source(name: str, letter: str) -> None:
    mapped = {key: {code.code for code in codes} for key, codes in own_codes(SCHEMES[name]).items()}
    for entry in source():
        text = "".join(re.findall(rf"{letter}: ([^;]*)", entry["legacy_codes"]))
        assert mapped[entry["id"]] == {*re.findall(r"\b\d\d-\d\d\b", text)}, entry["id"]


def test_family_b_plus_five_is_the_standard() -> None:
    """The study's reading of that numbering; only its local extension is outside."""
    for category_id, codes in own_codes(SCHEMES["legacy-b"]).items():
        standard = {code.code for code in GBT.codes(category_id)}
        for code in codes:
            major, minor = code.code.split("-")
            assert f"{int(major) + 5:02}0{minor}" in standard or code.code == "01-98"


@pytest.mark.parametrize("name", ["gbt47678.5-2026", "legacy-a", "legacy-b"])
def test_transcribed_schemes_say_so_in_every_row(name: str) -> None:
    codes = [code for codes in own_codes(SCHEMES[name]).values() for code in codes]
    assert codes
    assert all(code.note.startswith(TRANSCRIBED) for code in codes)


@pytest.mark.parametrize("name", SCHEMES)
def test_a_code_has_one_name_in_its_scheme(name: str) -> None:
    codes = [code for codes in own_codes(SCHEMES[name]).values() for code in codes]
    assert len({code.code for code in codes}) == len({(code.code, code.name) for code in codes})


def test_deadlines_say_whose_practice_they_are() -> None:
    for name in ("gbt47678.5-2026", "legacy-a", "legacy-b"):
        for codes in own_codes(SCHEMES[name]).values():
            assert all(bool(code.deadline) == ("deadline: practice of" in code.note) for code in codes)


def test_open311_serves_every_problem_and_parent_by_its_id() -> None:
    for category in (*CATALOGUE.problems, *CATALOGUE.parents):
        (code,) = SCHEMES["open311"].codes(category.id)
        assert (code.code, code.name) == (category.id, category.name_zh)


def test_a_parent_has_the_codes_of_its_children_once_each_in_their_order() -> None:
    assert [code.code for code in GBT.codes("street_trading")] == ["09005", "09006", "09001"]
    assert [code.code for code in GBT.codes("disorderly_parking")] == ["09009", "09010", "09011"]


def test_contexts_have_no_codes() -> None:
    assert all(scheme.codes("waste_bin") == () for scheme in SCHEMES.values())


# ------------------------------------------------------------------------------------ reading a file

HEADER = ",".join(COLUMNS)


def small_catalogue() -> Catalogue:
    return Catalogue(
        [
            Category("litter", "垃圾", "litter", "problem", "A", parent="dirt", department="环卫"),
            Category("muck", "渣土", "muck", "problem", "A", parent="dirt", department="住建"),
            Category("dirt", "脏乱", "dirt", "parent", parent="all", department="城管"),
            Category("all", "全部", "all", "parent", department="市"),
            Category("bin", "垃圾桶", "bin", "context"),
        ]
    )


def written(folder: Path, *rows: str, header: str = HEADER, name: str = "city.csv") -> Path:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in (header, *rows)), encoding="utf-8", newline="")
    return path


def test_rows_become_codes_in_their_order(tmp_path: Path) -> None:
    rows = ["litter, 002 ,散落,环卫二队,4 工作时,first", "muck,7,渣,,,", 'litter,001,袋装,,,"a, b"']
    scheme = load_scheme(written(tmp_path, *rows), small_catalogue())
    assert scheme.name == "city"
    assert scheme.codes("litter") == (
        Code("city", "002", "散落", "环卫二队", "4 工作时", "first"),
        Code("city", "001", "袋装", "", "", "a, b"),
    )


def test_an_empty_name_is_the_categorys(tmp_path: Path) -> None:
    scheme = load_scheme(written(tmp_path, "litter,1,,,,"), small_catalogue())
    assert scheme.codes("litter")[0].name == "垃圾"


def test_department_is_the_default_codes_else_the_categorys(tmp_path: Path) -> None:
    rows = ["litter,1,,二队,,", "litter,2,,三队,,", "muck,1,,,,", "muck,2,,四队,,"]
    scheme = load_scheme(written(tmp_path, *rows), small_catalogue())
    assert [scheme.department(key) for key in ("litter", "muck", "dirt", "bin")] == [
        "二队",
        "住建",
        "二队",
        "",
    ]
    bare = load_scheme(written(tmp_path, "muck,1,,,,"), small_catalogue())
    assert [bare.department(key) for key in ("litter", "dirt")] == ["环卫", "城管"]


def test_a_parent_of_parents_has_all_codes_below_it(tmp_path: Path) -> None:
    scheme = load_scheme(written(tmp_path, "muck,2,,,,", "litter,1,,,,", "muck,1,,,,"), small_catalogue())
    assert [(code.code, code.name) for code in scheme.codes("all")] == [("1", "垃圾"), ("2", "渣土")]


def test_rows_of_its_own_go_before_those_of_the_children(tmp_path: Path) -> None:
    scheme = load_scheme(written(tmp_path, "litter,1,,,,", "dirt,9,,,,"), small_catalogue())
    assert [code.code for code in scheme.codes("dirt")] == ["9"]


def test_an_unknown_category_is_named_with_the_nearest(tmp_path: Path) -> None:
    scheme = load_scheme(written(tmp_path, "litter,1,,,,"), small_catalogue())
    for lookup in (scheme.codes, scheme.department):
        with pytest.raises(UnknownCategory, match="Did you mean litter"):
            lookup("liter")


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{HEADER}\nlitter,1,a,,,\n",
        f"{HEADER}\r\nlitter,1,a,,,\r\n",
        f"# a, \"b\" and ,\"c\n\n{HEADER}\n  # more\nlitter,1,a,,,\n,,,,,\n",
        f'"# a, b",,,,,\n{HEADER}\nlitter,1,a,,,',
        "note,deadline,department,name,code,category\n,,,a,1,litter\n",
    ],
    ids=["byte order mark", "Windows line ends", "comments", "comment from a spreadsheet", "column order"],
)  # fmt: skip
def test_what_editors_and_spreadsheets_make_of_a_file_is_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "city.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert load_scheme(path, small_catalogue()).codes("litter") == (Code("city", "1", "a", "", "", ""),)


GOOD = f"{HEADER}\nlitter,1,,,,\n"

MISTAKES = {
    "nothing": ("", None, f"is empty. Begin it with the line {HEADER}."),
    "only comments": ("# a\n# b\n", None, "is empty"),
    "no rows": (f"{HEADER}\n\n", None, "has no rows. Add a line per category and code."),
    "column missing": (
        "# c\ncategory,code,name,department,deadline\n",
        2,
        f"has no column note. The first line must be {HEADER}, separated by commas.",
    ),
    "column unknown": (f"{HEADER},colour\n", 1, "has an unknown column 'colour'"),
    "column misspelt": (HEADER.replace("note", "notes"), 1, "has no column note, an unknown column 'notes'"),
    "column twice": (f"{HEADER},code\n", 1, "has the column code twice"),
    "semicolons": (GOOD.replace(",", ";"), 1, "separated by commas"),
    "too few cells": (f"{GOOD}litter,2,,\n", 3, "has 4 cells where the first line has 6"),
    "too many cells": (f"{GOOD}litter,2,,,,a, b\n", 3, "has 7 cells where the first line has 6. Put text"),
    "quote not closed": (f'{GOOD}litter,2,"a,,,\nmuck,1,,,,\n', 3, "is not valid CSV: unexpected end"),
    "text after a quote": (f'{GOOD}litter,2,"a"b,,,\n', 3, "is not valid CSV: "),
    "unknown category": (f"{GOOD}liter,1,,,,\n", 3, "Unknown category 'liter'. Did you mean litter?"),
    "no category": (f"{GOOD},1,,,,\n", 3, "has an empty category. Write the id"),
    "context class": (f"{GOOD}bin,1,,,,\n", 3, "'bin' is a context class, which is never suggested. Delete"),
    "empty code": (f"{GOOD}\nlitter, ,,,,\n", 4, "'litter' has no code. Write it, or delete the line."),
    "row twice": (f"{GOOD}muck,1,,,,\nlitter,1,b,,,\n", 4, "'litter' has code 1 already in line 2. Keep one"),
    "after a note of two lines": (f'# c\n{GOOD}muck,1,,,,"a\nb"\n\nlitter,1,,,,\n', 7, "in line 3"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "fragment"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named_with_file_line_and_remedy(
    tmp_path: Path, text: str, line: int | None, fragment: str
) -> None:
    path = tmp_path / "city.csv"
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(ConfigError, match=re.escape(fragment)) as caught:
        load_scheme(path, small_catalogue())
    assert str(caught.value).startswith(f"{path}:{line}: " if line else f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1, "one mistake brings no others along"
    assert caught.value.remedy.endswith((".", "?"))


def test_all_mistakes_of_a_file_are_told(tmp_path: Path) -> None:
    path = written(tmp_path, "liter,1,,,,", "muck,,,,,", "litter,1,,,", "muck,2,,,,", "muck,2,,,,", 'muck,"')
    with pytest.raises(ConfigFileError) as caught:
        load_scheme(path, small_catalogue())
    assert [mistake.line for mistake in caught.value.mistakes] == [2, 3, 4, 6, 7]


def test_a_gbk_file_is_told_how_to_be_saved(tmp_path: Path) -> None:
    path = tmp_path / "city.csv"
    path.write_bytes(f"{HEADER}\nlitter,1,散落,,,\n".encode("gbk"))
    with pytest.raises(ConfigError, match=r":2: is not UTF-8, it looks like GBK\. Save it as UTF-8 \(spread"):
        load_scheme(path, small_catalogue())


def test_mistakes_of_all_schemes_are_told(tmp_path: Path) -> None:
    written(tmp_path, "litter,1,,,,", name="a.csv")
    written(tmp_path, "liter,1,,,,", name="b.csv")
    written(tmp_path, name="c.csv")
    (tmp_path / "d.csv").write_bytes("垃圾".encode("gbk"))
    with pytest.raises(ConfigFileError) as caught:
        load_schemes(tmp_path, small_catalogue())
    assert [mistake.path.name for mistake in caught.value.mistakes] == ["b.csv", "c.csv", "d.csv"]


def test_schemes_are_named_by_their_files(tmp_path: Path) -> None:
    for name in ("b.csv", "a-1.2.csv", ".~lock.b.csv", "readme.txt"):
        written(tmp_path, "litter,1,,,,", name=name)
    assert list(load_schemes(tmp_path, small_catalogue())) == ["a-1.2", "b"]


@pytest.mark.parametrize("folder", ["", "absent"])
def test_no_scheme_at_all(tmp_path: Path, folder: str) -> None:
    with pytest.raises(ConfigError, match=r"holds no scheme\. Put at least one"):
        load_schemes(tmp_path / folder, small_catalogue())


CELL = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs"]), max_size=8).map(str.strip)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(CELL.filter(bool), CELL.filter(bool), CELL), min_size=1, unique_by=lambda row: row[0]))
def test_any_text_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]
) -> None:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    writer.writerows(["litter", code, name, "", "", note] for code, name, note in rows)
    path = tmp_path_factory.mktemp("scheme") / "city.csv"
    path.write_text(file.getvalue(), encoding="utf-8", newline="")
    codes = load_scheme(path, small_catalogue()).codes("litter")
    assert [(code.code, code.name, code.note) for code in codes] == rows
