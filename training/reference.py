"""What a finished model answers on held-out photos, for the service to notice drift by."""

from __future__ import annotations

from collections.abc import Iterable

from inference.categories import Catalogue
from inference.decide import Decider
from inference.feedback.audit import SCORE_STEPS, score_step
from inference.package import ModelDescription, Reference
from training.observe import Observation


def reference_of(observations: Iterable[Observation], description: ModelDescription, catalogue: Catalogue) -> Reference:
    """The answers counted as the service counts them.

    Args:
        observations: Of held-out photos; detections below the package's floor are left out.
        description: The package with its decisions.
        catalogue: The categories.
    """
    decider, floor = Decider(description, catalogue), description.nms.score_floor
    photos, nothing, suggested = 0, 0, dict[str, list[int]]()
    for seen in observations:
        detections = seen.detections.where(seen.detections.scores >= floor)
        decision = decider.decide(detections, seen.embedding, seen.quality)
        photos += 1
        nothing += not decision.suggestions
        for suggestion in decision.suggestions:
            suggested.setdefault(suggestion.category, [0] * SCORE_STEPS)[score_step(suggestion.probability)] += 1
    counts = {category: tuple(steps) for category, steps in sorted(suggested.items())}
    return Reference(photos=photos, nothing=nothing, suggested=counts)
