"""What the API's gateway checks before any handler sees a body: JSON, and each known field of the type of the specification.

As lenient as the JSON mapping of protocol buffers: unknown fields are dropped, null is absent, 64-bit numbers may be
strings.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from .routing import INVALID, Refused
from .wire import Request

SPECIFICATION = Path(__file__).with_name("openapi.json")


@cache
def specification() -> dict[str, Any]:
    """The specification of API v2, as far as it is known."""
    loaded: dict[str, Any] = json.loads(SPECIFICATION.read_text("utf-8"))
    return loaded


@cache
def operations() -> dict[str, dict[str, Any]]:
    """The specification's operations by operationId."""
    return {entry["operationId"]: entry for methods in specification()["paths"].values() for entry in methods.values()}


def body_schema(operation: str) -> dict[str, Any] | None:
    """The schema of an operation's JSON body, None when it has none or is not described."""
    content = operations().get(operation, {}).get("requestBody", {}).get("content", {})
    schema: dict[str, Any] | None = content.get("application/json", {}).get("schema")
    return schema


def decode_body(operation: str, request: Request) -> dict[str, Any]:
    """The body of a call. Raises Refused for what is not JSON or has a field of a wrong type."""
    schema = body_schema(operation)
    if schema is None or not request.body:
        return {}
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise Refused(INVALID, f"invalid JSON: {error}") from None
    if not isinstance(body, dict):
        raise Refused(INVALID, "json: cannot unmarshal the body into an object")
    cleaned: dict[str, Any] = _clean(body, schema, "body")
    return cleaned


def _clean(value: Any, schema: dict[str, Any], where: str) -> Any:
    if "$ref" in schema:
        schema = specification()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    kind = schema.get("type")
    if kind == "object" and isinstance(value, dict):
        known = schema.get("properties")
        if known is None:
            entry = schema.get("additionalProperties") or {}
            return {name: _clean(held, entry, f"{where}.{name}") for name, held in value.items()}
        return {
            name: _clean(held, known[name], f"{where}.{name}")
            for name, held in value.items()
            if name in known and held is not None
        }
    if kind == "array" and isinstance(value, list):
        return [_clean(entry, schema["items"], where) for entry in value]
    if kind == "string" and schema.get("format") == "int64" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    fits = {"string": str, "boolean": bool, "number": (int, float), "integer": int, None: object}
    if kind in ("number", "integer") and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise Refused(INVALID, f"proto: invalid value for {kind} field {where}: {value!r}")
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind not in fits or not isinstance(value, fits[kind]):  # type: ignore[arg-type]
        raise Refused(INVALID, f"proto: invalid value for {kind} field {where}: {value!r}")
    return value
