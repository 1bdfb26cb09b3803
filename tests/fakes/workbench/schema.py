"""Requests and answers against the specification of API v2, strictly: what it does not name is a violation.

For tests and for `--validate`; the gateway itself is as lenient as the real one.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import TYPE_CHECKING, Any

from .gateway import body_schema, operations, specification

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator


def check_request(operation: str, query: dict[str, Any], body: Any) -> list[str]:
    """What a request of an operation says against the specification, one sentence each."""
    known = {entry["name"] for entry in operations()[operation].get("parameters", []) if entry["in"] == "query"}
    found = [f"{operation}: unknown query parameter {name}" for name in query if name not in known]
    schema = body_schema(operation)
    return found + ([f"{operation} request: {words}" for words in _errors(schema, body)] if schema is not None else [])


def check_answer(operation: str, body: Any, status: int = 200) -> list[str]:
    """What an answer of an operation says against the specification, one sentence each."""
    answers = operations()[operation]["responses"]
    schema = answers["200" if status == 200 else "default"].get("content", {}).get("application/json", {}).get("schema")
    return [f"{operation} answer {status}: {words}" for words in _errors(schema, body)] if schema is not None else []


def _errors(schema: dict[str, Any], value: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in _validator(schema["$ref"]).iter_errors(value)]


@cache
def _validator(reference: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator({"$ref": reference, "components": _strict()})


@cache
def _strict() -> dict[str, Any]:
    components: dict[str, Any] = copy.deepcopy(specification()["components"])
    for schema in components["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return components
