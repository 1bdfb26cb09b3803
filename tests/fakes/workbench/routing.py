"""Which handler answers which operation: the table is filled by the modules of `api`, one line above each handler."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from .wire import Answer, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from .state import Workbench

INVALID, NOT_FOUND, EXISTS, FORBIDDEN, UNAUTHENTICATED, PRECONDITION, INTERNAL = 3, 5, 6, 7, 16, 9, 13
"""gRPC codes, as errors of API v2 carry them."""
STATUS = {
    INVALID: 400,
    NOT_FOUND: 404,
    EXISTS: 409,
    FORBIDDEN: 403,
    UNAUTHENTICATED: 401,
    PRECONDITION: 400,
    INTERNAL: 500,
}


class Refused(Exception):
    """An error answer of API v2: a gRPC code and a sentence."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code

    def to_json(self) -> dict[str, Any]:
        """The answer's runtimeError."""
        return {"error": str(self), "code": self.code, "message": str(self), "details": []}


@dataclass(frozen=True)
class Call:
    """One call of an operation: the path's variables decoded, the query, the body."""

    request: Request
    names: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any]


class Handler(Protocol):
    """Answers one operation with JSON or with a whole answer. Raises Refused."""

    async def __call__(self, bench: Workbench, call: Call, /) -> dict[str, Any] | Answer: ...


@dataclass(frozen=True)
class Operation:
    """One row of the table."""

    name: str
    method: str
    template: str
    pattern: re.Pattern[str]
    handler: Handler
    described: bool = True
    """Whether openapi.json describes it, so that --validate can check its traffic."""

    @property
    def changes(self) -> bool:
        """Whether a key that may only read is refused."""
        return self.method != "GET" and self.name not in ("ValidateAPIKey", "DownloadProjectFile")


OPERATIONS: list[Operation] = []


def operation(name: str, method: str, template: str, *, described: bool = True) -> Callable[[Handler], Handler]:
    """Register a handler under the operationId, method and path of the specification."""
    pieces = re.split(r"\{([\w.]+)\}", template)
    names = [f"(?P<{name.replace('.', '_')}>{'.*' if name == 'path' else '[^/:]+'})" for name in pieces[1::2]]
    expression = "".join(re.escape(fixed) + name for fixed, name in zip(pieces[::2], [*names, ""], strict=True))

    def register(handler: Handler) -> Handler:
        OPERATIONS.append(Operation(name, method, template, re.compile(expression), handler, described))
        return handler

    return register


def find(request: Request) -> tuple[Operation, dict[str, str]] | None:
    """The operation of a request and the variables of its path."""
    path = (
        re.sub(r"(/projects/[^/]+/files)/?$", r"\1/.", request.path) if request.method == "GET" else request.path
    )  # clients cut `/.` off
    for entry in OPERATIONS:
        match = entry.pattern.fullmatch(path) if entry.method == request.method else None
        if match is not None:
            return entry, {name: unquote(value) for name, value in match.groupdict().items()}
    return None
