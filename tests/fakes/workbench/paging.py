"""Pages, filters and order of lists."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

from .routing import INVALID, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .routing import Call
    from .state import Workbench


def page(bench: Workbench, call: Call, field: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The answer of a list operation: filtered, ordered, one page of it.

    Raises Refused for a token of another page size.
    """
    rows = selected(call, rows)
    asked = call.query.get("page_size", "")
    if asked and not asked.isdigit():
        raise Refused(INVALID, f'parsing field "page_size": invalid number {asked!r}')
    size = int(asked or 0) or bench.faults.page_size
    if bench.faults.page_limit:
        size = min(size, bench.faults.page_limit)
    start = _offset(call.query.get("page_token", ""), size)
    token = _token(start + size, size) if start + size < len(rows) else ""
    if bench.faults.repeat_token and rows:
        token = _token(0, size)
    return {field: rows[start : start + size], "next_page_token": token}


def selected(call: Call, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that a call's search_filter lets through, in the order that it asks for. Raises Refused."""
    return _ordered(_filtered(list(rows), call.query.get("search_filter", "")), call.query.get("sort", ""))


def _token(offset: int, size: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([offset, size]).encode()).decode()


def _offset(token: str, size: int) -> int:
    if not token:
        return 0
    try:
        offset, made_for = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError):
        raise Refused(INVALID, "invalid page_token") from None
    if made_for != size:
        raise Refused(INVALID, "page_token was made for another page_size")
    return int(offset)


def _filtered(rows: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    wanted = filter_object("search_filter", text)
    return [row for row in rows if all(matches(row, name, str(value)) for name, value in wanted.items())]


def filter_object(name: str, text: str) -> dict[str, Any]:
    """A filter of a query, a JSON object in a string; empty without one. Raises Refused."""
    if not text:
        return {}
    try:
        wanted = json.loads(text)
    except ValueError:
        wanted = None
    if not isinstance(wanted, dict):
        raise Refused(INVALID, f"{name} is not a JSON object")
    return wanted


def matches(row: dict[str, Any], name: str, value: str) -> bool:
    """Substring and case-sensitive; status words are the lower-case ones."""
    held = row.get(name, "")
    if isinstance(held, dict):
        held = held.get("username", "")
    if name == "status":
        held = re.sub(r"^(APPLICATION|ENGINE)_", "", str(held)).lower()
    return value in str(held)


def _ordered(rows: list[dict[str, Any]], order: str) -> list[dict[str, Any]]:
    for key in reversed([word for word in order.split(",") if word]):
        name = key.lstrip("+- ")
        rows = sorted(rows, key=_sort_key(name), reverse=key.startswith("-"))
    return rows


def _sort_key(name: str) -> Callable[[dict[str, Any]], tuple[bool, float, str]]:
    def key(row: dict[str, Any]) -> tuple[bool, float, str]:
        value = row.get(name, "")
        return (isinstance(value, str), 0.0 if isinstance(value, str) else float(value), str(value))

    return key
