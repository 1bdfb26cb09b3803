"""A transport that answers from a script, and a client over it whose pauses are short."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from raytui.core.secret import Secret
from raytui.platforms.cai.api.answers import Workbench
from raytui.platforms.cai.api.client import ApiClient, Timing
from raytui.platforms.cai.api.transport import Answer, Endpoint, TransportError

FAST = Timing(
    request=1.0,
    create=1.0,
    call=3.0,
    pause=0.001,
    longest_pause=0.005,
    poll=0.001,
    slowest_poll=0.005,
    lag=0.03,
    failed=0.2,
    late=0.05,
    late_behind_gateway=0.15,
    whole_create=3.0,
    stop=2.0,
    delete=2.0,
    ask_again=0.05,
    restart=0.3,
    patience=0.1,
    files=0.3,
    doubtful_upload=0.02,
)
TOLD = Workbench("ml.example.com", "abcd-efgh-ijkl-mnop", "CML_API_KEY")
KEY = "key-0123456789abcdef"
Reply = Answer | TransportError
Call = tuple[str, dict[str, str], dict[str, Any], Any]


def ok(payload: Any = None) -> Answer:
    """A good JSON answer."""
    return Answer(200, {"content-type": "application/json"}, json.dumps({} if payload is None else payload).encode())


def bad(status: int, message: str = "no", **headers: str) -> Answer:
    """An error in the API's own form."""
    body = json.dumps({"error": message, "code": 13, "message": message, "details": []}).encode()
    return Answer(status, {"content-type": "application/json", **headers}, body)


class Scripted:
    """Answers each operation from its own queue (the last entry stays), or from a function."""

    name = "scripted"

    def __init__(self, **script: Reply | list[Reply] | Callable[[Call], Reply]) -> None:
        self.script = script
        self.calls: list[Call] = []

    async def call(
        self, operation: str, ids: Mapping[str, str], *, query: Mapping[str, Any], body: Any, timeout: float
    ) -> Answer:
        made = (operation, dict(ids), dict(query), body)
        self.calls.append(made)
        entry = self.script[operation]
        if callable(entry):
            reply = entry(made)
        elif isinstance(entry, list):
            reply = entry.pop(0) if len(entry) > 1 else entry[0]
        else:
            reply = entry
        if isinstance(reply, TransportError):
            raise reply
        return reply

    def count(self, operation: str) -> int:
        """How often an operation was sent."""
        return sum(call[0] == operation for call in self.calls)

    async def close(self) -> None:
        pass


def client_over(transport: Scripted, timing: Timing = FAST) -> ApiClient:
    """The real client over a script."""
    return ApiClient(transport, Endpoint("https://ml.example.com", Secret(KEY)), TOLD, timing)
