"""A typed client of the service, for other programs: needs httpx and pydantic, neither a web framework nor a model.

from inference.client import Client

with Client("http://127.0.0.1:8000", key="...") as patrol:
answer = patrol.classify(["a.jpg", "b.jpg"], external_id="case-42")
for suggestion in answer.suggestions:
...
"""

from __future__ import annotations

from inference.client.answers import (
    Box,
    CategoriesAnswer,
    Category,
    ClassifyAnswer,
    Code,
    Detection,
    FeedbackAnswer,
    Model,
    ModelState,
    PhotoAnswer,
    PhotoProblem,
    Record,
    Stats,
    Suggestion,
)
from inference.client.asynchronous import AsyncClient
from inference.client.calls import Case, Outcome, PhotoFeedback, PhotoLike
from inference.client.errors import ConnectionFailed, ServiceError
from inference.client.retries import Retries
from inference.client.synchronous import Client

__all__ = [
    "AsyncClient",
    "Box",
    "Case",
    "CategoriesAnswer",
    "Category",
    "ClassifyAnswer",
    "Client",
    "Code",
    "ConnectionFailed",
    "Detection",
    "FeedbackAnswer",
    "Model",
    "ModelState",
    "Outcome",
    "PhotoAnswer",
    "PhotoFeedback",
    "PhotoLike",
    "PhotoProblem",
    "Record",
    "Retries",
    "ServiceError",
    "Stats",
    "Suggestion",
]
