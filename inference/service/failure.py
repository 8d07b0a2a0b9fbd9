"""Why one photo of a request has no result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from inference.answer import PROBLEM_TYPE, FailureCode, ProblemAnswer, failed_photo_answer

RequestFailureCode = Literal["bad-base64", "url-not-allowed", "not-fetched"]
"""What only a photo of a request can be wrong with."""

_TITLES: Final[Mapping[str, str]] = {
    "bad-base64": "The content is not base64",
    "url-not-allowed": "The photo must not be fetched from there",
    "not-fetched": "The photo could not be fetched",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no result for a photo.

    Attributes:
        code: Stable, for programs.
        detail: What is wrong and what to do about it.
    """

    code: FailureCode | RequestFailureCode
    detail: str

    def told(self) -> ProblemAnswer:
        """The members of RFC 9457; but for what only comes here, the same as in every other way in."""
        match self.code:
            case "bad-base64" | "url-not-allowed" | "not-fetched":
                return ProblemAnswer(type=f"{PROBLEM_TYPE}{self.code}", title=_TITLES[self.code], detail=self.detail)
        error = failed_photo_answer(0, "", self.code, self.detail)["error"]
        if error is None:
            raise TypeError(f"the answer for a photo that failed with {self.code} must tell its error")
        return error
