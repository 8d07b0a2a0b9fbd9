from __future__ import annotations

import pytest

from tests.inference.service.conftest import Client, assert_problem

MEMBERS = ["id", "name_zh", "name_en", "role", "tier", "parent", "department", "synonyms", "codes", "model"]


def test_all_categories_with_codes_and_what_the_model_can_do(client: Client) -> None:
    answer = client.get("/v1/categories").json()
    runtime = client.runtime
    assert list(answer) == ["model", "scheme", "schemes", "categories"]
    assert answer["scheme"] == "gbt47678.5-2026"
    assert answer["schemes"] == ["gbt47678.5-2026", "legacy-a", "legacy-b", "open311"]
    assert [category["id"] for category in answer["categories"]] == list(runtime.catalogue)
    assert all(list(category) == MEMBERS for category in answer["categories"])


@pytest.mark.parametrize("scheme", ["gbt47678.5-2026", "legacy-a", "legacy-b", "open311"])
def test_codes_are_those_of_the_scheme(client: Client, scheme: str) -> None:
    expected = client.runtime.schemes[scheme]
    for category in client.get("/v1/categories", params={"scheme": scheme}).json()["categories"]:
        assert [code["code"] for code in category["codes"]] == [c.code for c in expected.codes(category["id"])]
        assert category["department"] == expected.department(category["id"])


def test_an_unknown_scheme(client: Client) -> None:
    assert_problem(client.get("/v1/categories", params={"scheme": "x"}), 422, "unknown-scheme")


def test_the_model_s_side_agrees_with_its_description(client: Client) -> None:
    description = client.runtime.classifier.package.description
    for category in client.get("/v1/categories").json()["categories"]:
        model = category["model"]
        rule = description.decisions.get(category["id"])
        if category["role"] == "problem":
            assert model["trained"] is (category["id"] in description.categories)
            assert model["left_out"] == description.left_out.get(category["id"])
        if rule is None or category["role"] == "context":
            assert model["decision"] is None
            assert (model["suggest_from"], model["prefill_from"]) == (None, None)
        else:
            assert (model["suggest_from"], model["prefill_from"]) == (rule.suggest, rule.prefill)
            expected = "prefill" if rule.prefill is not None else "suggest" if rule.suggest is not None else None
            assert model["decision"] == expected
            assert (model["demoted"] is None) is (rule.prefill is not None)


def test_a_parent_is_trained_where_a_child_is(client: Client) -> None:
    categories = {category["id"]: category for category in client.get("/v1/categories").json()["categories"]}
    assert categories["garbage"]["role"] == "parent"
    assert categories["garbage"]["model"]["trained"] is True
