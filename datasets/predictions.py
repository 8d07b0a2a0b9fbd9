"""What the current model sees in photos, kept by content and model, so that each photo is judged once."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np

from datasets.geometry import Box
from datasets.photo_faults import CheckedPhoto
from inference.classify import Classifier
from inference.photo import PhotoError, read_photo

_DIGITS: Final = 5
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS predictions (sha256 TEXT, model TEXT, boxes TEXT, PRIMARY KEY (sha256, model)) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One detection.

    Attributes:
        category: Category id.
        score: The detector's confidence, in [0, 1].
        xyxy: (x1, y1, x2, y2) as fractions of the upright photo.
    """

    category: str
    score: float
    xyxy: Box


class Predictor:
    """A model and the file that its predictions are kept in; used by one thread.

    Args:
        classifier: The model.
        path: SQLite file; made when it is missing.
        score_floor: Weaker detections are left out.
    """

    def __init__(self, classifier: Classifier, path: Path, score_floor: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        description = classifier.package.description
        self.categories = frozenset(description.categories)
        self._classifier = classifier
        self._floor = score_floor
        self._model = f"{description.files['model.onnx'].sha256}:{score_floor}"
        self._database = sqlite3.connect(path)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute(_TABLE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def predictions(
        self, photos: Iterable[CheckedPhoto], advance: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[CheckedPhoto, tuple[Prediction, ...]]]:
        """Each readable photo with what the model sees in it."""
        for checked in photos:
            if not checked.facts.error:
                yield checked, self._predictions(checked)
            advance()

    def _predictions(self, checked: CheckedPhoto) -> tuple[Prediction, ...]:
        key = (checked.facts.sha256, self._model)
        row = self._database.execute("SELECT boxes FROM predictions WHERE sha256=? AND model=?", key).fetchone()
        if row is not None:
            return tuple(Prediction(category, score, (*box,)) for category, score, *box in json.loads(row[0]))
        found = self._predict(checked.photo.path.read_bytes())
        text = json.dumps([[p.category, p.score, *p.xyxy] for p in found])
        with self._database:
            self._database.execute("INSERT OR REPLACE INTO predictions VALUES (?, ?, ?)", (*key, text))
        return found

    def _predict(self, data: bytes) -> tuple[Prediction, ...]:
        target = self._classifier.package.description.input.longest_side
        try:
            photo = read_photo(data, target_side=target, allow_degraded=True)
        except PhotoError:  # changed since its facts were read
            return ()
        seen = self._classifier.detections(*self._classifier.infer(photo), photo, self._floor)
        fractions = seen.xyxy / np.array([photo.width, photo.height] * 2, dtype=np.float32)
        return tuple(
            Prediction(category, round(score, _DIGITS), (*(round(value, _DIGITS) for value in box),))
            for category, score, box in zip(seen.categories, seen.scores.tolist(), fractions.tolist(), strict=True)
        )
