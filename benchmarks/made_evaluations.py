"""Evaluations of models that do not exist, on photos that do not exist: as good as they are asked to be.

The labels follow from one seed, a model's answers from another: two models with the same skill and other seeds are as
good as each other and never agree. Used by `benchmarks.gate_power` and by the tests of the gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from inference.decide import Decision
from training.evaluation import Evaluation, JudgedCategory, JudgedData, JudgedModel
from training.evaluation_settings import EvaluationSettings
from training.measures import AnswerMeasures, Estimate, Measures
from training.outcomes import CategoryOutcome, FoundBox, PhotoOutcome

_RIGHT_TO_75: Final = 0b1111110
"""A box that agrees with its label at every overlap from 0.3 to 0.75."""
_PREFILL_FROM: Final = 0.7
_SUGGEST_FROM: Final = 0.4
_NOTHING: Final = Estimate(value=None, lower=None, upper=None, support=0)
_ANSWERS: Final = AnswerMeasures(
    first_hit=_NOTHING,
    top_hit=_NOTHING,
    clean_prefills=_NOTHING,
    clean_suggestions=_NOTHING,
    clean_alarms=_NOTHING,
)


@dataclass(frozen=True, slots=True)
class MadeCategory:
    """A category of the made photos.

    Attributes:
        share: Of the photos that show it.
        skill: Share of its boxes that a model finds, unless it is told otherwise.
        prefill: Whether a model pre-fills it.
    """

    share: float
    skill: float
    prefill: bool = False


@dataclass(frozen=True, slots=True)
class MadeStreet:
    """Made photos.

    Attributes:
        categories: What they show.
        photos: How many.
        seed: Of what they show.
        group: Photos of one group.
    """

    categories: Mapping[str, MadeCategory]
    photos: int = 400
    seed: int = 0
    group: int = 2

    def evaluation(
        self, seed: int, skills: Mapping[str, float] | None = None, *, shuffled: bool = False, prefix: str = "photo"
    ) -> Evaluation:
        """What a model answers.

        Args:
            seed: Of its mistakes.
            skills: Share of boxes that it finds, of categories in which it differs from others; a category of skill
                below 0 it does not know.
            shuffled: It learnt from labels that were shuffled: what it says of one category is about the next.
            prefix: Of the photos' names.
        """
        skill = {name: made.skill for name, made in self.categories.items()} | dict(skills or {})
        known = [name for name in self.categories if skill[name] >= 0]
        world, mistakes = np.random.default_rng(self.seed), np.random.default_rng([self.seed, seed])
        photos = []
        for number in range(self.photos):
            boxes = {name: self._boxes(world, made) for name, made in self.categories.items()}
            heard = dict(zip(boxes, (*list(boxes.values())[1:], next(iter(boxes.values()))), strict=True))
            answers = {
                name: _outcome(
                    boxes[name], _found(mistakes, (heard if shuffled else boxes)[name], skill[name], shuffled)
                )
                for name in known
            }
            photos.append(self._photo(f"made/{prefix}{number:05}", number, self._decided(answers)))
        return _evaluation(self._judged(known), photos)

    @staticmethod
    def _boxes(world: np.random.Generator, made: MadeCategory) -> int:
        return int(world.integers(1, 4)) if world.random() < made.share else 0

    def _decided(self, answers: dict[str, CategoryOutcome]) -> dict[str, CategoryOutcome]:
        def decision(name: str, score: float) -> Decision | None:
            if self.categories[name].prefill and score >= _PREFILL_FROM:
                return "prefill"
            return "suggest" if score >= _SUGGEST_FROM else None

        return {n: o.model_copy(update={"decision": decision(n, o.score)}) for n, o in answers.items()}

    def _photo(self, key: str, number: int, answers: dict[str, CategoryOutcome]) -> PhotoOutcome:
        return PhotoOutcome(
            key=key,
            source="made",
            group=f"group{number // self.group}",
            width=100,
            height=100,
            conditions=(),
            clean=False,
            verdict="issue",
            answers=(),
            categories=answers,
        )

    def _judged(self, known: list[str]) -> dict[str, JudgedCategory]:
        return {
            name: JudgedCategory(
                name_zh=name,
                name_en=name,
                role="problem",
                amorphous=False,
                suggest=_SUGGEST_FROM,
                prefill=_PREFILL_FROM if self.categories[name].prefill else None,
                shown_from=_SUGGEST_FROM,
            )
            for name in known
        }


def _found(
    mistakes: np.random.Generator,
    boxes: int,
    skill: float,
    is_elsewhere: bool,
) -> tuple[FoundBox, ...]:
    """Right boxes are mostly strong, wrong ones mostly weak."""
    right = 0 if is_elsewhere else _RIGHT_TO_75
    hits = mistakes.random(boxes) < skill
    scores = mistakes.beta(6, 2, boxes)
    wrong = mistakes.beta(1.5, 5, int(mistakes.poisson(0.5)))
    found = [FoundBox(score=float(s), right=right) for s in scores[hits]]
    found += [FoundBox(score=float(s), right=0) for s in wrong]
    return tuple(sorted(found, key=lambda box: -box.score))


def _outcome(boxes: int, found: tuple[FoundBox, ...]) -> CategoryOutcome:
    score = found[0].score if found else 0.0
    return CategoryOutcome(
        shows=boxes > 0, score=score, probability=score, decision=None, strongest=None, boxes=boxes, found=found
    )


def _evaluation(categories: dict[str, JudgedCategory], photos: list[PhotoOutcome]) -> Evaluation:
    groups = len({photo.group for photo in photos})
    whole = Measures(photos=len(photos), groups=groups, categories={}, means={}, answers=_ANSWERS)
    return Evaluation(
        created="2026-11-25T00:00:00+00:00",
        model=JudgedModel(name="made", version="1", data_version="made", sha256="0" * 64, provider="cpu"),
        data=JudgedData(version="made", part="test", photos=len(photos), seen_in_fitting=False),
        settings=EvaluationSettings(),
        categories=categories,
        whole=whole,
        sources={},
        conditions={},
        photos=tuple(photos),
    )
