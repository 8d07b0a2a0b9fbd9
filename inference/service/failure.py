"""Why one photo of a request has no result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inference.answer import PROBLEM_TYPE, FailureCode, ProblemAnswer, failed_photo_answer


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no result for a photo.

    Attributes:
        code: Stable, for programs.
        detail: What is wrong and what to do about it.
    """

    code: FailureCode | Literal["bad-base64"]
    detail: str

    def told(self) -> ProblemAnswer:
        """The members of RFC 9457; but for base64, which only comes here, the same as in every other way in."""
        if self.code == "bad-base64":
            return ProblemAnswer(
                type=f"{PROBLEM_TYPE}{self.code}", title="The content is not base64", detail=self.detail
            )
        error = failed_photo_answer(0, "", self.code, self.detail)["error"]
        if error is None:
            raise TypeError(f"the answer for a photo that failed with {self.code} must tell its error")
        return error
