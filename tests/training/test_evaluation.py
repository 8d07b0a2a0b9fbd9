"""A package judged on labelled photos: the figures are those of the service's answers."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="extra `train` is not installed")
pytest.importorskip("faster_coco_eval", reason="extra `train` is not installed")

from datasets.labels import Box, LabelledPhoto, Split
from inference.categories import Catalogue, load_catalogue
from inference.classify import Classifier
from inference.decide import Suggestion
from inference.detections import Detections
from inference.package import load_package
from inference.paths import MODELS
from inference.photo import Photo, read_photo
from inference.quality import Quality
from tests.inference.test_decide import described
from tests.photos import encode, noisy_scene, truncated
from tests.shared import shared
from training.answered import AnsweredPhoto
from training.conditions import conditions
from training.evaluate import evaluate
from training.evaluation import (
    Evaluation,
    EvaluationError,
    PhotosToJudge,
    evaluate_package,
    judged_categories,
    read_evaluation,
)
from training.evaluation_page import render_page
from training.evaluation_report import render, warnings
from training.evaluation_settings import (
    BootstrapSettings,
    ConditionSettings,
    EvaluationSettings,
    load_evaluation_settings,
)
from training.measures import Measures
from training.measuring import Measurer
from training.observe import Observation
from training.outcome_table import OutcomeTable, shown_from

PACKAGE = MODELS / "street-patrol-n"
BIN, GARBAGE, RUBBLE, WASTE_BIN = "overflowing_bin", "exposed_garbage", "rubble_muck_pile", "waste_bin"
PLACE = (0.2, 0.2, 0.6, 0.6)
SETTINGS = EvaluationSettings(bootstrap=BootstrapSettings(resamples=50), amorphous=(GARBAGE,), macro_boxes=1)
DESCRIPTION = described()


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def photo(name: str, shown: set[str], searched: set[str], source: str = "street") -> LabelledPhoto:
    boxes = tuple(Box(category, PLACE) for category in sorted(shown))
    return LabelledPhoto(source, Path(name), boxes, frozenset(searched), group=name)


def answered(
    name: str,
    shown: set[str],
    searched: set[str],
    found: dict[str, float],
    *,
    said: tuple[str, ...] = (),
    shift: float = 0.0,
    source: str = "street",
) -> AnsweredPhoto:
    """A 100 x 100 photo with labelled boxes at PLACE and detections there, moved by `shift` pixels."""
    order = sorted(found, key=lambda c: -found[c])
    corners = np.array([[20, 20, 60, 60]] * len(found), np.float32).reshape(-1, 4) + np.float32(shift)
    detections = Detections(corners, np.array([found[c] for c in order], np.float32), tuple(order))
    suggestions = tuple(Suggestion(c, found.get(c, 0.9), "suggest") for c in said)
    labels = photo(name, shown, searched, source)
    return AnsweredPhoto(labels, (100, 100), detections, "issue", suggestions, degraded=False, conditions=())


def measured(catalogue: Catalogue, *photos: AnsweredPhoto) -> Measures:
    outcomes = OutcomeTable(DESCRIPTION, catalogue).outcomes(photos)
    return Measurer(outcomes, judged_categories(DESCRIPTION, catalogue, SETTINGS), SETTINGS).measure(outcomes)


# ------------------------------------------------------------------------------------------------- figures


def test_a_category_is_judged_only_where_it_was_searched_for(catalogue: Catalogue) -> None:
    found = measured(
        catalogue,
        answered("a", {BIN}, {BIN}, {BIN: 0.6}),
        answered("b", {GARBAGE}, {GARBAGE}, {BIN: 0.9}),  # nobody looked for bins here
        answered("c", set(), {BIN}, {BIN: 0.1}),
    )
    bins = found.categories[BIN]
    assert (bins.photos_searched, bins.boxes, bins.photos_shown, bins.photos_absent) == (2, 1, 1, 1)
    assert bins.detection is not None
    assert bins.detection.ap50.value == pytest.approx(1.0)
    assert bins.detection.precision50 is not None
    assert (bins.detection.precision50.value, bins.detection.precision50.support) == (1.0, 1)  # 0.1 is not shown
    assert bins.photo is not None
    assert bins.photo.auc.value == 1.0


def test_without_a_clear_edge_less_overlap_is_enough(catalogue: Catalogue) -> None:
    found = measured(catalogue, answered("a", {GARBAGE}, {GARBAGE}, {GARBAGE: 0.9}, shift=12.0))  # IoU 0.32
    garbage = found.categories[GARBAGE]
    assert garbage.amorphous
    assert garbage.detection is not None
    assert garbage.detection.ap30.value == pytest.approx(1.0)
    assert garbage.detection.ap50.value == 0.0


def test_context_counts_in_no_mean_and_a_roll_up_shows_what_its_children_show(catalogue: Catalogue) -> None:
    children = {child.id for child in catalogue.children("garbage")}
    found = measured(
        catalogue,
        answered("a", {BIN, WASTE_BIN}, children | {WASTE_BIN}, {BIN: 0.9}),
        answered("b", set(), children | {WASTE_BIN}, {GARBAGE: 0.6}),
    )
    assert found.means["all"].categories == (BIN,)
    assert found.categories[WASTE_BIN].role == "context"
    parent = found.categories["garbage"]
    assert (parent.photos_shown, parent.photos_absent) == (1, 1)
    assert parent.photo is not None
    assert parent.photo.prefill is not None
    assert (parent.photo.prefill.precision.value, parent.photo.prefill.precision.support) == (0.5, 2)


def test_answers_and_clean_photos(catalogue: Catalogue) -> None:
    found = measured(
        catalogue,
        answered("a", {BIN}, {BIN, GARBAGE}, {BIN: 0.9}, said=(GARBAGE, BIN)),
        answered("b", {BIN}, {BIN}, {BIN: 0.9}, said=(BIN,)),
        answered("c", set(), {BIN}, {BIN: 0.5}, said=(BIN, GARBAGE)),  # of garbage nothing is known
        answered("d", {WASTE_BIN}, {BIN}, {}),  # a bin is no problem
        answered("e", set(), set(), {BIN: 0.9}, said=(BIN,)),  # searched for nothing: not known to be clean
    ).answers
    assert (found.first_hit.value, found.first_hit.support) == (0.5, 2)
    assert found.top_hit.value == 1.0
    assert (found.clean_suggestions.value, found.clean_suggestions.support) == (50.0, 2)
    assert found.clean_prefills.value == 0.0


def test_sources_that_always_show_a_category_say_nothing_of_precision(catalogue: Catalogue) -> None:
    closeups = [answered(f"x{i}", {BIN}, {BIN}, {BIN: 0.9}, source="closeups") for i in range(3)]
    street = [answered("a", {BIN}, {BIN}, {BIN: 0.9}), answered("b", set(), {BIN}, {BIN: 0.9})]
    bins = measured(catalogue, *closeups, *street).categories[BIN]
    assert bins.photos_shown == 1
    assert bins.boxes == 4  # boxes are judged everywhere
    assert bins.photo is not None
    assert bins.photo.suggest is not None
    assert bins.photo.suggest.precision.value == 0.5


def test_boxes_left_out_of_the_record_change_no_figure(catalogue: Catalogue) -> None:
    """Every figure of the pruned record is that of the whole one, by the library that judged it."""
    rng = np.random.default_rng(0)
    photos = []
    for i in range(30):
        count = int(rng.integers(1, 12))
        corners = np.sort(rng.integers(0, 90, (count, 2, 2)), axis=1).reshape(count, 4) + np.array([0, 0, 9, 9])
        scores = np.sort(rng.random(count))[::-1].astype(np.float32)
        labels = tuple(Box(BIN, tuple((corners[k] / 100).tolist())) for k in range(0, count, 3))
        found = (corners + rng.uniform(-4, 4, corners.shape)).astype(np.float32)
        detections = Detections(found, scores, (BIN,) * count)
        labelled = LabelledPhoto("street", Path(f"{i}.jpg"), labels, frozenset({BIN}), group=str(i))
        photos.append(AnsweredPhoto(labelled, (100, 100), detections, "issue", (), degraded=False, conditions=()))
    seen = [Observation(a.photo, a.size_wh, a.detections, np.zeros(1, np.float32), Quality(50, 100)) for a in photos]
    expected = evaluate(seen, [BIN])[BIN]
    detection = measured(catalogue, *photos).categories[BIN].detection
    assert detection is not None
    assert detection.ap50.value == pytest.approx(expected.ap50, abs=1e-9)
    assert detection.ap.value == pytest.approx(expected.ap, abs=1e-9)


def test_boxes_are_shown_from_the_score_that_makes_a_suggestion() -> None:
    decision = DESCRIPTION.decisions[BIN]  # suggested from probability 0.4
    score = shown_from(decision, 0.05)
    assert score == pytest.approx(0.4)
    assert shown_from(decision, 0.7) == 0.7
    assert shown_from(DESCRIPTION.decisions[RUBBLE], 0.05) is None


# ---------------------------------------------------------------------------------------------- conditions


@pytest.mark.parametrize(
    ("size", "brightness", "hour", "flags", "box", "expected"),
    [
        ((640, 640), 128, None, set(), PLACE, {"low_resolution", "square", "blurred"}),
        ((4000, 3000), 128, 12, set(), PLACE, {"high_resolution", "landscape", "blurred"}),
        ((900, 1200), 20, None, set(), PLACE, {"portrait", "night", "blurred"}),
        ((900, 1200), 128, 23, set(), None, {"portrait", "night", "blurred"}),
        ((900, 1200), 128, 4, {"collage"}, None, {"portrait", "night", "collage", "blurred"}),
        ((900, 1200), 128, None, {"night"}, (0.1, 0.1, 0.2, 0.2), {"portrait", "night", "small_objects", "blurred"}),
    ],
)
def test_conditions(
    catalogue: Catalogue,
    size: tuple[int, int],
    brightness: int,
    hour: int | None,
    flags: set[str],
    box: tuple[float, float, float, float] | None,
    expected: set[str],
) -> None:
    taken = None if hour is None else datetime(2026, 11, 3, hour)
    decoded = Photo(np.full((60, 60, 3), brightness, np.uint8), *size, sha256="", format="jpeg", captured_at=taken)
    labels = LabelledPhoto("s", Path("a.jpg"), (Box(BIN, box),) if box else (), flags=frozenset(flags))
    found = conditions(decoded, labels, catalogue, ConditionSettings(), stretched=False)
    assert set(found) == expected
    assert set(conditions(decoded, labels, catalogue, ConditionSettings(), stretched=True)) == expected | {"stretched"}


def test_a_damaged_photo(catalogue: Catalogue) -> None:
    data = truncated(encode(noisy_scene(900, 700), "jpeg"))
    found = conditions(
        read_photo(data, target_side=448, allow_degraded=True),
        photo("a", set(), set()),
        catalogue,
        ConditionSettings(),
        stretched=False,
    )
    assert {"degraded", "landscape"} <= set(found)


# --------------------------------------------------------------------------------------- a package, judged


@pytest.fixture(scope="module")
def judged(catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> tuple[Evaluation, list[LabelledPhoto]]:
    """The shipped package on six generated photos, one of them no photo at all."""
    folder = tmp_path_factory.mktemp("photos")
    photos = []
    for i in range(6):
        path = folder / f"{i}.jpg"
        path.write_bytes(b"no photo" if i == 5 else encode(noisy_scene(640, 480, seed=i), "jpeg"))
        shown, searched = ({BIN} if i % 2 else set()), {BIN, GARBAGE, WASTE_BIN}
        photos.append(replace(photo(f"{i}", shown, searched, source=f"s{i % 2}"), path=path))
    data = PhotosToJudge(photos, "v1", "test", frozenset({"s1"}))
    return evaluate_package(PACKAGE, data, catalogue, SETTINGS), photos


def test_the_record_holds_what_the_service_answers(
    catalogue: Catalogue, judged: tuple[Evaluation, list[LabelledPhoto]]
) -> None:
    evaluation, photos = judged
    classifier = Classifier.load(PACKAGE, catalogue, "cpu")
    outcomes = {outcome.key: outcome for outcome in evaluation.photos}
    for labelled in photos[:5]:
        outcome, answer = outcomes[labelled.key], classifier.classify(labelled.path.read_bytes())
        assert outcome.verdict == answer.verdict
        assert [a.category for a in outcome.answers] == [s.category for s in answer.suggestions]
    assert evaluation.whole.photos == 5
    assert evaluation.sources.keys() == {"s0", "s1"}
    assert evaluation.conditions["stretched"].photos == 2
    assert evaluation.model.sha256 == load_package(PACKAGE).description.files["model.onnx"].sha256


def test_a_photo_that_cannot_be_read_is_named_and_counts_in_no_figure(
    judged: tuple[Evaluation, list[LabelledPhoto]],
) -> None:
    evaluation, _ = judged
    (failed,) = evaluation.failed
    assert failed.key == "s1/5.jpg"
    assert failed.categories == {}
    assert f"- s1/5.jpg: {failed.error}" in render(evaluation)


def test_the_same_photos_give_the_same_figures(
    catalogue: Catalogue, judged: tuple[Evaluation, list[LabelledPhoto]]
) -> None:
    evaluation, photos = judged
    data = PhotosToJudge(photos[::-1], "v1", "test", frozenset({"s1"}))
    again = evaluate_package(PACKAGE, data, catalogue, SETTINGS)
    assert again.model_dump(exclude={"created"}) == evaluation.model_dump(exclude={"created"})


def test_the_record_survives_being_written(judged: tuple[Evaluation, list[LabelledPhoto]], tmp_path: Path) -> None:
    path = tmp_path / "evaluation.json"
    path.write_text(judged[0].model_dump_json(), encoding="utf-8")
    assert read_evaluation(path) == judged[0]
    path.write_text('{"schema_version": 2}', encoding="utf-8")
    with pytest.raises(EvaluationError, match="schema_version"):
        read_evaluation(path)
    with pytest.raises(EvaluationError, match="run `patrol evaluate` first"):
        read_evaluation(tmp_path / "absent.json")


def test_the_page_asks_nothing_of_the_network(judged: tuple[Evaluation, list[LabelledPhoto]]) -> None:
    page = render_page(*judged)
    assert "default-src 'none'" in page
    sources = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", page)
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert "<script" not in page
    assert "垃圾满溢 overflowing_bin" in page
    assert "data:image/jpeg;base64," in page  # a miss to look at
    assert page == render_page(*judged)


@pytest.mark.parametrize(
    ("splits", "version", "said"),
    [
        (("test", "test"), None, ()),
        (("test", "val"), None, ("阈值与校准正是在这些照片上拟合的",)),
        (("train", "val"), None, ("模型正是用其中一些照片训练的", "阈值与校准正是在这些照片上拟合的")),
        (("train", "val"), "other", ()),
    ],
)
def test_photos_that_the_package_has_seen_are_owned_up_to(
    catalogue: Catalogue,
    judged: tuple[Evaluation, list[LabelledPhoto]],
    splits: tuple[Split, Split],
    version: str | None,
    said: tuple[str, ...],
) -> None:
    photos = [replace(p, split=split) for p, split in zip(judged[1], splits, strict=False)]
    data = PhotosToJudge(photos, version or load_package(PACKAGE).description.data.version, "some")
    lines = list(warnings(evaluate_package(PACKAGE, data, catalogue, SETTINGS)))
    assert len(lines) == len(said)
    assert all(line.startswith(text) for line, text in zip(lines, said, strict=True))


def test_no_photos_are_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="no photos in part 'test'"):
        evaluate_package(PACKAGE, PhotosToJudge([], "v1", "test"), catalogue, SETTINGS)
    gone = replace(photo("a", set(), {BIN}), path=tmp_path / "gone.jpg")
    with pytest.raises(EvaluationError, match="none of the 1 photos can be read"):
        evaluate_package(PACKAGE, PhotosToJudge([gone], "v1", "test"), catalogue, SETTINGS)


def test_the_shipped_settings_name_categories_that_exist(catalogue: Catalogue) -> None:
    settings = load_evaluation_settings()
    for category in (*settings.amorphous, *(c for mean in settings.means.values() for c in mean)):
        assert category in catalogue


def test_real_photos_are_judged_as_the_library_judges_them(catalogue: Catalogue) -> None:
    """The record's AP50 is faster-coco-eval's over the same photos, box by box."""
    from datasets.source import SourceOptions, read_source

    source = read_source(shared("data", "gbs111-cn"), catalogue, SourceOptions())
    photos = [replace(p, group=p.key) for p in source.photos[::80]]
    evaluation = evaluate_package(PACKAGE, PhotosToJudge(photos, "v", "some"), catalogue, SETTINGS)
    classifier = Classifier.load(PACKAGE, catalogue, "cpu")
    answers = [classifier.classify(p.path.read_bytes(), min_score=SETTINGS.detection_floor) for p in photos]
    seen = [
        Observation(p, (a.photo.width, a.photo.height), a.detections, np.zeros(1, np.float32), Quality(50, 100))
        for p, a in zip(photos, answers, strict=True)
    ]
    expected = evaluate(seen, classifier.package.description.categories)
    assert expected[BIN].boxes >= 10
    for category, metrics in expected.items():
        detection = evaluation.whole.categories[category].detection
        assert detection is not None
        assert detection.ap50.value == pytest.approx(metrics.ap50, abs=1e-9)
        assert detection.ap.value == pytest.approx(metrics.ap, abs=1e-9)
