"""The shipped catalogue against its sources, and every mistake an operator can make in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.categories import Catalogue, Category, UnknownCategory, load_catalogue
from inference.config_file import ConfigFileError
from inference.errors import ConfigError, PatrolError
from tests.shared import shared

CATALOGUE = load_catalogue()


def source() -> list[dict[str, str]]:
    entries: list[dict[str, str]] = json.loads(shared("domain", "categories.json").read_text("utf-8"))
    return entries


# ------------------------------------------------------------------------------ the shipped catalogue


def test_problems_are_those_of_the_source_in_its_order() -> None:
    assert [category.id for category in CATALOGUE.problems] == [entry["id"] for entry in source()]


def test_names_tiers_and_tag_rules_are_those_of_the_source() -> None:
    for entry in source():
        category = CATALOGUE[entry["id"]]
        shipped = (category.name_zh, category.name_en, category.tier, category.tag_when, category.tag_not)
        assert shipped == tuple(entry[key] for key in ("zh", "en", "tier", "tag_when", "tag_not"))


def test_departments_are_those_of_the_source_with_its_english_words_in_chinese() -> None:
    for entry in source():
        department = CATALOGUE[entry["id"]].department
        if entry["department"].isascii() or re.search("[a-z]", entry["department"]):
            assert not re.search("[a-z]", department)
            assert all(word in department for word in re.findall("[\u4e00-\u9fff]+", entry["department"]))
        else:
            assert department == entry["department"]


def test_what_a_photo_shows_is_that_of_the_source() -> None:
    for entry in source():
        category = CATALOGUE[entry["id"]]
        note = f" ({category.photo_note})" if category.photo_note else ""
        assert f"{category.photo_visible}{note}" == entry["photo_visible"]


def test_tiers_have_the_sizes_of_the_design() -> None:
    tiers = [category.tier for category in CATALOGUE.problems]
    assert (tiers.count("A"), tiers.count("B"), tiers.count("C")) == (16, 9, 8)


def test_synonyms_of_the_domain_study_are_all_there() -> None:
    text = shared("domain", "domain.md").read_text("utf-8")
    line = next(line for line in text.splitlines() if line.startswith("Synonyms for search"))
    groups = [group.split("=") for group in line.partition(": ")[2].rstrip(".").split("; ")]
    assert len(groups) > 10
    for group in groups:
        assert any(set(group) <= {*category.names} for category in CATALOGUE.values()), group


def test_every_class_of_the_labelled_photos_is_a_category() -> None:
    sources = sorted(shared("data").glob("*/SOURCE.json"))
    assert sources
    for path in sources:
        class_map = json.loads(path.read_text("utf-8")).get("class_map") or {}
        assert {target for target in class_map.values() if target} <= CATALOGUE.keys(), path


@pytest.mark.parametrize(
    ("parent", "children"),
    [
        ("garbage", {"overflowing_bin", "exposed_garbage", "rubble_muck_pile"}),
        ("disorderly_parking", {"illegal_parking_motor", "illegal_parking_nonmotor"}),
        ("street_trading", {"out_of_store_operation", "street_vendor", "umbrella_stall"}),
    ],
)
def test_roll_ups(parent: str, children: set[str]) -> None:
    assert CATALOGUE[parent].role == "parent"
    assert CATALOGUE[parent].tier is None
    assert {category.id for category in CATALOGUE.children(parent)} == children


def test_contexts_are_no_problems() -> None:
    assert [(category.id, category.name_zh) for category in CATALOGUE.contexts] == [
        ("waste_bin", "垃圾桶"),
        ("utility_pole", "电线杆"),
        ("signboard", "店招牌匾"),
    ]
    assert not {*CATALOGUE.contexts} & {*CATALOGUE.problems, *CATALOGUE.parents}


# ---------------------------------------------------------------------------------------- looking up


def test_children_of_a_problem_are_none() -> None:
    assert CATALOGUE.children("street_vendor") == ()


def test_an_absent_id_is_a_key_error_to_a_mapping_and_a_mendable_error_to_require() -> None:
    with pytest.raises(KeyError):
        CATALOGUE["street_vender"]
    assert CATALOGUE.get("street_vender") is None
    with pytest.raises(UnknownCategory, match=r"'street_vender'. Did you mean street_vendor\b") as caught:
        CATALOGUE.require("street_vender")
    assert isinstance(caught.value, PatrolError)
    assert caught.value.nearest[0] == "street_vendor"


@pytest.mark.parametrize("lookup", [CATALOGUE.require, CATALOGUE.children])
def test_nothing_alike_gives_no_guess(lookup: Callable[[str], Any]) -> None:
    with pytest.raises(UnknownCategory, match=r"'xyzzy'\. See categories\.yaml"):
        lookup("xyzzy")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Street_Vendor", "street_vendor"),
        ("飞线", "overhead_cable_mess"),
        ("跨门经营", "out_of_store_operation"),
        ("垃圾桶满了", "overflowing_bin"),
        ("overflowing waste bins", "overflowing_bin"),
        ("motor", "illegal_parking_motor"),
        ("bicycles", "illegal_parking_nonmotor"),
        ("垃圾", "garbage"),
    ],
)
def test_nearest_goes_by_id_names_and_synonyms(name: str, nearest: str) -> None:
    assert CATALOGUE.nearest(name)[0] == nearest


def test_nearest_gives_at_most_n() -> None:
    assert len(CATALOGUE.nearest("parking", n=2)) == 2
    assert CATALOGUE.nearest("parking", n=0) == ()


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(CATALOGUE.problems), st.data())
def test_one_slip_in_an_id_still_finds_it(category: Category, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(category.id) - 1))
    slip = data.draw(st.sampled_from("aeqz_9"))
    assert category.id in CATALOGUE.nearest(category.id[:place] + slip + category.id[place + 1 :])


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=30), st.integers(0, 5))
def test_nearest_takes_any_text(name: str, n: int) -> None:
    found = CATALOGUE.nearest(name, n)
    assert len(found) <= n
    assert {*found} <= CATALOGUE.keys()


# ------------------------------------------------------------------------------------ reading a file

PROBLEM = {
    "role": "problem",
    "tier": "A",
    "zh": "占道经营",
    "en": "street vendor",
    "department": "城管",
    "tag_when": "a stall",
    "tag_not": "a shop",
}


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "categories.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def entry(category_id: str = "street_vendor", **changes: str | None) -> str:
    """The YAML of a sound problem, eight lines long, with fields changed, added or (None) left out."""
    fields = {**PROBLEM, "zh": category_id, **changes}
    lines = [f"  {key}: {value}" for key, value in fields.items() if value is not None]
    return "\n".join([f"{category_id}:", *lines, ""])


def parent(category_id: str, **changes: str) -> str:
    unused: dict[str, str | None] = {"tier": None, "tag_when": None, "tag_not": None}
    return entry(category_id, role="parent", **(unused | changes))


def test_a_category_that_an_operator_adds_simply_works(tmp_path: Path) -> None:
    shipped = yaml.safe_dump({"dog_dirt": {**PROBLEM, "zh": "犬粪", "synonyms": ["狗屎"]}}, allow_unicode=True)
    catalogue = load_catalogue(written(tmp_path, shipped))
    assert catalogue.require("dog_dirt") == Category(
        id="dog_dirt",
        name_zh="犬粪",
        name_en="street vendor",
        role="problem",
        tier="A",
        department="城管",
        tag_when="a stall",
        tag_not="a shop",
        synonyms=("狗屎",),
    )


def test_order_is_that_of_the_file(tmp_path: Path) -> None:
    catalogue = load_catalogue(written(tmp_path, entry("b") + entry("a") + entry("c")))
    assert list(catalogue) == ["b", "a", "c"]
    assert repr(catalogue) == "Catalogue(b, a, c)"


@pytest.mark.parametrize("encode", [str.encode, lambda text: b"\xef\xbb\xbf" + text.encode()])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_byte_order_mark_and_line_ends_of_windows(tmp_path: Path, encode: Callable[[str], bytes], newline: str) -> None:
    path = written(tmp_path, encode(entry(zh="占道").replace("\n", newline)))
    assert load_catalogue(path)["street_vendor"].name_zh == "占道"


@pytest.mark.parametrize("word", ["yes", "'yes'", '"yes"'])
def test_a_bare_yes_is_a_word_not_a_truth_value(tmp_path: Path, word: str) -> None:
    catalogue = load_catalogue(written(tmp_path, entry(photo_visible=word)))
    assert catalogue["street_vendor"].photo_visible == "yes"


GOOD = entry("good")  # eight lines, so that what follows begins in line 9

MISTAKES = {
    "no file content": ("", None, "holds no problem category"),
    "only a comment": ("# nothing\n", None, "holds no problem category"),
    "not a mapping": ("- street_vendor\n", None, "holds no problem category"),
    "only contexts": ("bin:\n  role: context\n  zh: 桶\n  en: bin\n", None, "holds no problem category"),
    "bad syntax": (GOOD + "a: [1\n", 10, "is not valid YAML: while parsing a flow sequence"),
    "tab": (GOOD + "a:\n\trole: problem\n", 10, "is not valid YAML"),
    "colon in text": (entry(tag_when="goods: boxes"), 7, "mapping values are not allowed here"),
    "deep": ("a: " + "[" * 2000 + "]" * 2000, None, "nests lists or fields thousands deep"),
    "two documents": (GOOD + "---\n" + GOOD, 9, "is not valid YAML: expected a single document"),
    "control character": (GOOD + "# \x07\n", 9, "holds U+0007, a character that YAML forbids"),
    "id twice": (GOOD + entry("good", zh="另"), 9, "id 'good' is already used in line 1. Choose another id."),
    "capital in id": (GOOD + entry("Dog"), 9, "'Dog' is not a valid id. Use snake_case"),
    "hyphen in id": (GOOD + entry("dog-dirt"), 9, "'dog-dirt' is not a valid id"),
    "two underscores in id": (GOOD + entry("dog__dirt"), 9, "'dog__dirt' is not a valid id"),
    "digit first in id": (GOOD + entry("3_dogs"), 9, "'3_dogs' is not a valid id"),
    "list as id": (GOOD + entry("[a, b]", zh="狗"), 9, "'a list' is not a valid id"),
    "no fields": (GOOD + "dog_dirt: 犬粪\n", 9, "'dog_dirt' has no fields. Indent them below the id"),
    "nothing below the id": (GOOD + "dog_dirt:\n", 9, "'dog_dirt' has no fields"),
    "field twice": (entry() + "  tier: B\n", 9, "'street_vendor' has 'tier' twice, first in line 3"),
    "unknown field": (entry(departement="城管"), 9, "unknown field 'departement'. Did you mean department?"),
    "quite unknown field": (entry(xyzzy="1"), 9, "unknown field 'xyzzy'. The fields are department, en,"),
    "merge key": (entry() + "  <<: {en: a}\n", 9, "unknown field '<<'"),
    "field missing": (entry(department=None), 1, "'street_vendor' has no department. Add what is missing"),
    "fields missing": (entry(tier=None, tag_not=None), 1, "'street_vendor' has no tag_not, tier"),
    "no role": (entry(role=None), 1, "'street_vendor' has no role. It must be problem, parent or context."),
    "unknown role": (entry(role="issue"), 2, "role is 'issue'. It must be problem, parent or context."),
    "unknown tier": (entry(tier="D"), 3, "tier is 'D'. It must be A, B or C."),
    "list as tier": (entry(tier="[A]"), 3, "tier is 'a list'. It must be A, B or C."),
    "unknown visibility": (entry(photo_visible="no"), 9, "photo_visible is 'no'. It must be yes or partly."),
    "tier of a parent": (
        entry("a", parent="p") + parent("p", tag_when="x"),
        15,
        "'p' has a field 'tag_when', which a parent does not have. Delete it, or correct the role.",
    ),
    "number as name": (entry(zh="110"), 4, "zh must be text, but YAML reads 110 as int. Put it in quotes."),
    "date as name": (entry(en="2024-01-01"), 5, "YAML reads 2024-01-01 as timestamp"),
    "truth value as department": (entry(department="yes"), 6, "YAML reads yes as bool"),
    "list as name": (entry(zh="[a]"), 4, "zh must be text, not a list"),
    "block as name": (entry(zh="{a: b}"), 4, "zh must be text, not a block of fields"),
    "empty name": (entry(zh=""), 4, "zh is empty. Write it down"),
    "null name": (entry(en="~"), 5, "en is empty"),
    "blank name": (entry(en="'  '"), 5, "en is empty"),
    "text as synonyms": (entry(synonyms="游商"), 9, "synonyms must be a list. Write it as [first, second]."),
    "empty synonym": (entry(synonyms="[游商, '']"), 9, "synonyms is empty"),
    "number as synonym": (entry(synonyms="\n    - 游商\n    - 12"), 11, "YAML reads 12 as int"),
    "Chinese name twice": (
        entry("a", zh="游商") + entry("b", zh="游商"),
        12,
        "'b' has the Chinese name of 'a' (line 4): 游商",
    ),
    "parent absent": (
        entry("a", parent="tradng") + entry("b", parent="trading") + parent("trading"),
        9,
        "parent 'tradng' of 'a' does not exist. The parents are trading.",
    ),
    "no parents at all": (entry(parent="trading"), 9, "does not exist. Add an entry with role: parent."),
    "parent is a problem": (
        GOOD + entry("a", parent="good"),
        17,
        "'good', given as parent of 'a', has another role. Add an entry with role: parent.",
    ),
    "parent without children": (GOOD + parent("trading"), 9, "parent 'trading' has no children. Write 'pa"),
    "parent of a parent": (
        entry("a", parent="p") + parent("p", parent="q") + entry("b", parent="q") + parent("q"),
        15,
        "'p' has a field 'parent', which a parent does not have. Delete it, or correct the role.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "fragment"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named_with_file_line_and_remedy(
    tmp_path: Path, text: str, line: int | None, fragment: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError, match=re.escape(fragment)) as caught:
        load_catalogue(path)
    assert str(caught.value).startswith(f"{path}:{line}: " if line else f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1, "one mistake brings no others along"
    assert (caught.value.path, caught.value.line) == (path, line)
    assert caught.value.remedy.endswith((".", "?"))


def test_all_mistakes_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = entry("a", parent="absent", tier="Z") + entry("B", zh="a") + entry("c", en="", extra="1")
    path = written(tmp_path, text)
    with pytest.raises(ConfigFileError) as caught:
        load_catalogue(path)
    lines = [mistake.line for mistake in caught.value.mistakes]
    assert lines == [3, 9, 10, 13, 22, 26]
    shown = str(caught.value).splitlines()
    assert all(text.startswith(f"{path}:{line}: ") for text, line in zip(shown, lines, strict=True))


def test_very_many_mistakes_are_counted_rather_than_listed(tmp_path: Path) -> None:
    text = "".join(entry(f"a{number}", tier="Z") for number in range(50))
    with pytest.raises(ConfigFileError, match=r"\n\.\.\. and 20 more\. Mend these first\.$") as caught:
        load_catalogue(written(tmp_path, text))
    assert len(caught.value.mistakes) == 50


def test_absent_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read \(No such file or directory\)\. Check that"):
        load_catalogue(tmp_path / "categories.yaml")


@pytest.mark.parametrize(
    ("encoding", "line", "fragment"),
    [
        ("gbk", 12, "is not UTF-8, it looks like GBK. Save it as UTF-8"),
        ("utf-16", 1, "is not UTF-8, it looks like UTF-16. Save it as UTF-8"),
    ],
)
def test_other_encodings(tmp_path: Path, encoding: str, line: int, fragment: str) -> None:
    path = written(tmp_path, (GOOD.replace("城管", "x") + entry(zh="占道经营")).encode(encoding))
    with pytest.raises(ConfigError, match=fragment) as caught:
        load_catalogue(path)
    assert caught.value.line == line


def test_stray_bytes_are_not_called_gbk(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is not UTF-8\. Save"):
        load_catalogue(written(tmp_path, GOOD.encode() + b"# \xff\xff\n"))


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9]{0,8}(_[a-z0-9]{1,5})?", fullmatch=True), st.none(), min_size=1))
def test_any_snake_case_ids_keep_their_order(tmp_path_factory: pytest.TempPathFactory, ids: dict[str, None]) -> None:
    text = "".join(entry(f"c_{category_id}") for category_id in ids)
    catalogue = load_catalogue(written(tmp_path_factory.mktemp("catalogue"), text))
    assert isinstance(catalogue, Catalogue)
    assert list(catalogue) == [f"c_{category_id}" for category_id in ids]
