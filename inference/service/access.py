"""Lets a request through if its API key has the scope that the address needs."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from inference.api_key import KeyRecord, Scope
from inference.service.keyring import Keyring
from inference.service.permissions import scopes_for
from inference.service.problems import Kind, Problem
from inference.service.record import record_of

KEY_REQUIRED: Final = Kind("key-required", 401, "An API key is needed")
INVALID_KEY: Final = Kind("invalid-key", 401, "The API key is not accepted")
MISSING_SCOPE: Final = Kind("missing-scope", 403, "The API key may not be used for this")

_REALM: Final = 'Bearer realm="street-patrol"'
_HOW: Final = "send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`"
_CREATE: Final = "the operator makes keys with `patrol keys create NAME --scope {scope}`"


class AccessControl:
    """Asks for an API key wherever an address is not open to everybody.

    What follows finds the scopes of the key in `scope["state"]["scopes"]` (none without a key), the key's name in
    `scope["state"]["key_name"]`, and its record in `scope["state"]["key"]`.

    Args:
        app: What it guards.
        keys: The keys that are accepted.
    """

    def __init__(self, app: ASGIApp, *, keys: Keyring) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._admit(scope)
        except Problem as problem:
            await problem.response(scope)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _admit(self, scope: AsgiScope) -> None:
        """Note what the key may be used for.

        Raises:
            Problem: That is not enough.
        """
        needed = scopes_for(scope["path"])
        presented = _presented(Headers(scope=scope))
        key = self._keys.find(presented) if presented else None
        if needed:
            key = _checked(key, presented, needed)
        granted: frozenset[Scope] = key.scopes if key and key.state == "active" else frozenset()
        scope["state"]["scopes"] = granted
        if key and granted:
            scope["state"]["key"] = key
            scope["state"]["key_name"] = key.name
            record_of(scope).key = key.name


def _checked(key: KeyRecord | None, presented: str, needed: frozenset[Scope]) -> KeyRecord:
    """A key that is accepted and has one of the scopes.

    Raises:
        Problem: It is not, or has none.
    """
    wanted = " or ".join(sorted(needed))
    if not presented:
        detail = f"This address needs a key with scope {wanted}: {_HOW}; {_CREATE.format(scope=sorted(needed)[0])}."
        raise Problem(KEY_REQUIRED, detail, headers={"WWW-Authenticate": _REALM})
    if key is None:
        raise _invalid("There is no such key; look for a typing mistake, or ask the operator for another")
    if key.state != "active":
        raise _invalid(f"The key {key.name} is {key.state}; ask the operator for another")
    if not key.scopes & needed:
        challenge = f'{_REALM}, error="insufficient_scope", scope="{" ".join(sorted(needed))}"'
        detail = f"The key {key.name} has {', '.join(sorted(key.scopes))}, but this address needs scope {wanted}."
        raise Problem(MISSING_SCOPE, detail, headers={"WWW-Authenticate": challenge}, needed=sorted(needed))
    return key


def _invalid(detail: str) -> Problem:
    return Problem(INVALID_KEY, f"{detail}.", headers={"WWW-Authenticate": f'{_REALM}, error="invalid_token"'})


def _presented(headers: Headers) -> str:
    """The key of a request; empty if it has none.

    Label Studio can only send a name and a password: the password is taken for the key, the name does not matter.
    """
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return credentials.strip()
        case "basic":
            return _password(credentials.strip())
    return headers.get("x-api-key", "").strip()


def _password(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""
