"""Keeps what labellers of Label Studio confirmed as feedback on the answer that their task was pre-annotated with."""

from __future__ import annotations

from pydantic import ValidationError

from inference.categories import Catalogue
from inference.feedback.confirm import AmbiguousRequestError, UnknownRequestError, confirm
from inference.feedback.database import Database
from inference.feedback.opinion import OpinionError
from inference.feedback.said import Said
from inference.service.desk import Desk
from inference.service.label_studio_webhook import Annotation

_OFF = "The service keeps no records; export the project and run `patrol data import`."


async def keep(desk: Desk, annotation: Annotation, catalogue: Catalogue) -> str | None:
    """Keep an annotation; the same one again stores nothing new.

    Args:
        desk: Where feedback goes.
        annotation: What a labeller said.
        catalogue: The categories.

    Returns:
        Why it was not kept, for people; None: it was.

    Raises:
        Problem: The database does not answer.
    """
    if not desk.is_on:
        return _OFF
    try:
        said = _said(annotation)
        await desk.ask(lambda database: _confirm(database, said, catalogue))
    except UnknownRequestError:
        return f"No answered request has external_id {annotation.external_id}: the task was not pre-annotated here."
    except (OpinionError, ValidationError) as error:
        return f"It cannot be taken as feedback: {error}"
    return None


def _said(annotation: Annotation) -> Said:
    boxes = [{"category": each.category, "box": each.box} for each in annotation.boxes]
    photo = {"index": 0, "categories": list(annotation.categories), "boxes": boxes}
    return Said.model_validate(
        {
            "external_id": annotation.external_id,
            "categories": list(annotation.categories),
            "photos": [photo] if annotation.categories else [],
            "reviewer": "Label Studio",
        }
    )


def _confirm(database: Database, said: Said, catalogue: Catalogue) -> None:
    """Confirm the answer of a task; of several, the latest, which is the one that its labeller saw."""
    try:
        confirm(database, said, catalogue)
    except AmbiguousRequestError as error:
        latest = error.candidates[0][0]
        confirm(database, said.model_copy(update={"external_id": None, "request_id": latest}), catalogue)
