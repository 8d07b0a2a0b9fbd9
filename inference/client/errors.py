"""What can come of a request instead of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx

_PREFIX: Final = "urn:street-patrol:problem:"
_TEXT_SHOWN: Final = 200


class ServiceError(Exception):
    """The service, or something between, refused a request: an RFC 9457 problem document.

    Attributes:
        status: HTTP status.
        type: Stable, for programs; empty where something else than the service answered.
        title: The same for every problem of the type.
        detail: What is wrong and what to do about it, for people.
        request_id: Names the request in the service's log.
        extensions: Further members, such as `photos` or `errors`.
    """

    def __init__(
        self, status: int, type_: str, title: str, detail: str, request_id: str, extensions: Mapping[str, Any]
    ) -> None:
        super().__init__(f"{status} {title}: {detail} (request {request_id})")
        self.status = status
        self.type = type_
        self.title = title
        self.detail = detail
        self.request_id = request_id
        self.extensions = dict(extensions)

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (self.status, self.type, self.title, self.detail, self.request_id, self.extensions)
        return type(self), arguments

    @property
    def slug(self) -> str:
        """The last part of the type, such as `no-readable-photo`."""
        return self.type.removeprefix(_PREFIX)

    @classmethod
    def of(cls, response: httpx.Response, request_id: str) -> ServiceError:
        """The error that a response tells."""
        document = _document(response)
        known = {"type", "title", "status", "detail", "instance"}
        return cls(
            response.status_code,
            str(document.get("type", "")),
            str(document.get("title", response.reason_phrase)),
            str(document.get("detail", response.text[:_TEXT_SHOWN])),
            str(document.get("instance", request_id)),
            {key: value for key, value in document.items() if key not in known},
        )


class ConnectionFailed(Exception):  # noqa: N818 - what happened
    """The service could not be reached, or did not answer, however often it was tried.

    Attributes:
        url: What was asked.
        attempts: How often.
    """

    def __init__(self, url: str, attempts: int, reason: str) -> None:
        super().__init__(f"{url}: no answer after {attempts} attempts ({reason})")
        self.url = url
        self.attempts = attempts
        self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.url, self.attempts, self.reason)


def _document(response: httpx.Response) -> Mapping[str, Any]:
    """The problem document of a response, empty where it is something else, such as a proxy's page."""
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
