"""Which part of the service needs which scope."""

from __future__ import annotations

from typing import Any, Final

from inference.api_key import Scope

_OPEN: Final = ("/livez", "/readyz", "/docs", "/openapi.json", "/v1/features", "/queue", "/dashboard", "/static")
_NEEDED: Final[tuple[tuple[str, frozenset[Scope]], ...]] = (
    ("/v1/classify", frozenset({Scope.CLASSIFY})),
    ("/v1/categories", frozenset({Scope.CLASSIFY})),
    ("/open311", frozenset({Scope.CLASSIFY})),
    ("/v2", frozenset({Scope.CLASSIFY})),
    ("/label-studio/webhook", frozenset({Scope.FEEDBACK})),
    ("/label-studio", frozenset({Scope.CLASSIFY})),
    ("/v1/feedback", frozenset({Scope.FEEDBACK})),
    ("/v1/records", frozenset({Scope.FEEDBACK})),
    ("/metrics", frozenset({Scope.ADMIN, Scope.METRICS})),
)
_OTHERWISE: Final[frozenset[Scope]] = frozenset({Scope.ADMIN})


def scopes_for(path: str) -> frozenset[Scope]:
    """The scopes of which a key needs one.

    Args:
        path: Of a request, decoded.

    Returns:
        None at all for what is open to everybody. Whatever nobody thought of needs `admin`.
    """
    if path == "/" or any(_is_below(path, prefix) for prefix in _OPEN):
        return frozenset()
    return next((scopes for prefix, scopes in _NEEDED if _is_below(path, prefix)), _OTHERWISE)


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")


def describe_keys(schema: dict[str, Any]) -> None:
    """Say in an OpenAPI document which operations need a key of which scope, where the service asks for keys."""
    schema.setdefault("components", {})["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "`patrol keys create`。监听本机时不需要。 Not needed where the service listens on loopback.",
        }
    }
    for path, operations in schema["paths"].items():
        needed = sorted(scopes_for(path))
        for operation in operations.values() if needed else ():
            # OpenAPI 3.1 lets schemes other than OAuth name roles; {} says that a request without any may do, too.
            operation["security"] = [{}, *({"key": [scope]} for scope in needed)]
