"""One photo, bytes to answer: the path that service, scan, command line and evaluation share."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from inference.categories import Catalogue
from inference.decide import Decider, Suggestion, Verdict
from inference.detect import detect
from inference.detections import Detections
from inference.engine import Engine, Provider, RawOutput
from inference.golden import check_golden
from inference.letterbox import Placement, letterboxed
from inference.package import ModelPackage, load_package
from inference.photo import DEFAULT_LIMITS, Photo, PhotoLimits, read_photo
from inference.quality import measure


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds spent per stage."""

    decode: float
    infer: float
    decide: float


@dataclass(frozen=True, slots=True)
class PhotoResult:
    """The answer for one photo.

    Attributes:
        photo: The decoded photo; boxes are in pixels of its full size.
        verdict: What the photo is, see `inference.decide`.
        suggestions: Prefills first.
        detections: Evidence for the suggestions and context; with `min_score`, everything at least that strong.
        timings: Where the time went.
    """

    photo: Photo
    verdict: Verdict
    suggestions: tuple[Suggestion, ...]
    detections: Detections
    timings: Timings


class Classifier:
    """A verified model package, ready to answer; safe to use from many threads.

    Args:
        package: The package.
        catalogue: The categories.
        engine: A session of the package's model.
    """

    def __init__(self, package: ModelPackage, catalogue: Catalogue, engine: Engine) -> None:
        self.package = package
        self.catalogue = catalogue
        self.engine = engine
        self._decider = Decider(package.description, catalogue)

    @classmethod
    def load(
        cls,
        folder: Path,
        catalogue: Catalogue,
        provider: Provider | Literal["auto"] = "auto",
        threads: int | None = None,
    ) -> Self:
        """Load a package, check its hashes and replay its golden outputs (which also warms the engine).

        Raises:
            PackageError: the package must not be used, with the reason.
            EngineError: there is no session to be had.
        """
        package = load_package(folder)
        engine = Engine(package.model_path, provider, threads)
        check_golden(package, engine)
        return cls(package, catalogue, engine)

    def infer(self, photo: Photo) -> tuple[RawOutput, Placement]:
        """The model's raw output for a photo, and where the photo lies in the model's input."""
        recipe = self.package.description.input
        tensor, placement = letterboxed(photo, recipe)
        return self.engine.run(tensor), placement

    def detections(self, raw: RawOutput, placement: Placement, photo: Photo, floor: float | None = None) -> Detections:
        """Boxes of a raw output, in pixels of the full-size photo."""
        description = self.package.description
        size = (photo.width, photo.height)
        return detect(raw.candidates, description.categories, description.nms, placement, size, floor)

    def classify(
        self,
        data: bytes,
        *,
        limits: PhotoLimits = DEFAULT_LIMITS,
        min_score: float | None = None,
        sha256: str | None = None,
    ) -> PhotoResult:
        """The answer for the bytes of one photo.

        Args:
            data: A photo file.
            limits: What it may ask of this machine.
            min_score: Also return weaker detections, from this score in [0, 1] on; suggestions and verdict stay
                the same.
            sha256: Digest of the file, where the caller has computed it already.

        Raises:
            PhotoError: the bytes are no photo that can be judged.
        """
        started = time.perf_counter()
        target = self.package.description.input.longest_side
        photo = read_photo(data, target_side=target, limits=limits, allow_degraded=True, sha256=sha256)
        decoded = time.perf_counter()
        raw, placement = self.infer(photo)
        inferred = time.perf_counter()
        found = self.detections(raw, placement, photo)
        decision = self._decider.decide(found, raw.embedding, measure(photo.rgb), degraded=photo.degraded)
        shown = decision.evidence if min_score is None else self.detections(raw, placement, photo, min_score)
        timings = Timings(decoded - started, inferred - decoded, time.perf_counter() - inferred)
        return PhotoResult(photo, decision.verdict, decision.suggestions, shown, timings)
