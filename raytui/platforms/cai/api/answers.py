"""What an answer of the workbench means, and the one sentence that a person reads when it is bad news.

API v2 stands behind proxies and a login: an error may come as JSON, as a proxy's HTML, or as a redirect to a login page
that would end in 200 HTML. Each is recognised here, once for both transports.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from raytui.core.errors import Failure, Layer, NotAllowed, NotFound, OperationFailed, RaytuiError, Unreachable
from raytui.core.remedy import Remedy
from raytui.core.secret import Secret, mask
from raytui.core.units import sanitize
from raytui.platforms.cai.api.tolerant import decoded
from raytui.platforms.cai.api.transport import Answer, NoAnswer, TransportError

Kind = Literal[
    "ok", "absent", "conflict", "refused", "key", "denied", "busy", "broken", "gateway",
    "login", "redirect", "html", "garbage", "timeout", "lost", "unsent",
]  # fmt: skip
REFUSALS: frozenset[Kind] = frozenset({"conflict", "refused"})
"""The server understood and said no."""
PASSING: frozenset[Kind] = frozenset({"busy", "broken", "gateway", "login", "html", "garbage", "timeout", "lost"})
"""May be different at the next try."""
_LONGEST = 300
_LOGIN = re.compile(r"log[-_ ]?[io]n|sign[-_ ]?in|auth|sso|saml|oauth|oidc|account", re.IGNORECASE)


class Outcome(msgspec.Struct, frozen=True):
    """One call, judged."""

    kind: Kind
    status: int = 0
    payload: Mapping[str, object] = {}
    """The decoded JSON of a good answer, which is always an object."""
    content: bytes = b""
    """The bytes of a good answer to an operation whose answer is a file."""
    detail: str = ""
    """The server's own words, made harmless; or where a redirect leads."""
    retry_after: float = 0.0
    """Seconds that the server asks to wait."""
    seconds: float = 0.0
    """How long the answer took."""
    no_answer: NoAnswer | None = None


def judge(answer: Answer, *, raw: bool, secrets: tuple[Secret, ...], seconds: float = 0.0) -> Outcome:
    """What an answer means.

    The body of a `raw` answer is a file, taken as it is unless the server sends a web page in its place.
    """
    status = answer.status
    if 200 <= status < 300:
        return _good(answer, raw=raw, seconds=seconds)
    if 300 <= status < 400:
        target = answer.header("location")
        kind: Kind = "login" if _LOGIN.search(urlsplit(target).netloc + urlsplit(target).path) else "redirect"
        return Outcome(
            kind, status, detail=urlsplit(target)._replace(query="", fragment="").geturl()[:_LONGEST], seconds=seconds
        )
    words = _words(answer, secrets)
    wait = _retry_after(answer.header("retry-after"))
    return Outcome(_bad(status), status, detail=words, retry_after=wait, seconds=seconds)


def judge_silence(error: TransportError, seconds: float = 0.0) -> Outcome:
    """What it means that no answer came."""
    heard: dict[NoAnswer, Kind] = {"timeout": "timeout", "too-large": "garbage"}
    kind = heard.get(error.kind, "lost") if error.sent else "unsent"
    return Outcome(kind, detail=error.detail, no_answer=error.kind, seconds=seconds)


class Workbench(msgspec.Struct, frozen=True):
    """Which workbench and project is asked, with which key: what a message may name, never a secret."""

    host: str
    project_id: str
    key_source: str
    """Where the key came from, such as CML_API_KEY."""


def error_for(outcome: Outcome, phrase: str, workbench: Workbench) -> RaytuiError:
    """The error of a call that did not end well, as one sentence.

    It says what failed, on which thing, and what to do next.
    """
    words = f": {outcome.detail}" if outcome.detail else ""
    if outcome.kind == "key":
        return NotAllowed(
            f"Cloudera AI at {workbench.host} refused the API key from {workbench.key_source} (to {phrase}){words}",
            hint="make a new API v2 key with the audience API in User Settings, API Keys, and give it in "
            "CML_API_KEY or api_key_file",
            reason="KeyRefused",
        )
    if outcome.kind == "denied":
        return NotAllowed(
            f"the API key from {workbench.key_source} may not {phrase} on {workbench.host}{words}",
            hint="the key needs the audience API, and its owner write access to the project",
            reason="NotAllowed",
        )
    if outcome.kind == "absent":
        return NotFound(
            f"could not {phrase} on {workbench.host}: it does not exist{words}",
            hint="check project_id (CML_PROJECT_ID) and the name",
        )
    if outcome.kind in REFUSALS:
        return OperationFailed(
            f"Cloudera AI at {workbench.host} refused to {phrase}{words or f' (HTTP {outcome.status})'}",
            hint=Remedy("doctor", "", "checks runtimes, sizes, scripts and names"),
            reason="Conflict" if outcome.kind == "conflict" else "Refused",
        )
    return Unreachable(_failure(outcome, phrase, workbench))


def _failure(outcome: Outcome, phrase: str, workbench: Workbench) -> Failure:
    layer: Layer = "login" if outcome.kind == "login" else "platform"
    reason, why, hint = _silence(outcome, workbench) if outcome.no_answer else _noise(outcome, workbench)
    return Failure(layer, reason, f"could not {phrase}: {why}", hint)


def _silence(outcome: Outcome, workbench: Workbench) -> tuple[str, str, str]:
    host = workbench.host
    network = "check the host setting (CML_HOST) and the network or VPN"
    table: dict[NoAnswer, tuple[str, str, str]] = {
        "refused": ("ConnectionRefused", f"nothing listens at {host}", network),
        "no-address": ("NameNotFound", f"the name of {host} has no address", network),
        "no-route": ("NoRoute", f"{host} cannot be reached from here", network),
        "untrusted": (
            "CertificateNotTrusted",
            f"the certificate of {host} is not trusted here ({outcome.detail})",
            "give the authority's certificates in ca_bundle or SSL_CERT_FILE",
        ),
        "timeout": ("Timeout", f"{host} did not answer in time", f"{network}, then try again"),
        "lost": ("ConnectionLost", f"the connection to {host} broke before the answer was complete", "try again"),
        "too-large": (
            "AnswerTooLarge",
            f"{host} sent more than 64 MB",
            "check that the host setting names a workbench",
        ),
    }
    return table[outcome.no_answer or "lost"]


def _noise(outcome: Outcome, workbench: Workbench) -> tuple[str, str, str]:
    host, words = workbench.host, f" ({outcome.detail})" if outcome.detail else ""
    if outcome.kind == "login":
        hint = f"the API key from {workbench.key_source} may have expired: make a new one with the audience API"
        return "LoginRequired", f"{host} sent its login page instead of an answer", hint
    if outcome.kind == "redirect":
        return (
            "Redirected",
            f"{host} points elsewhere{words}",
            "give the workbench's own address, with https, in host (CML_HOST)",
        )
    if outcome.kind == "busy":
        return "TooManyRequests", f"{host} asks to slow down (HTTP {outcome.status})", "wait a minute and try again"
    if outcome.kind in {"html", "garbage"}:
        hint = "check that the host setting names a workbench; a proxy in between may be in maintenance"
        return "Garbage", f"{host} answered something that is not API v2{words}", hint
    return (
        "ServerError",
        f"{host} answered HTTP {outcome.status}{words}",
        "try again; if it stays, ask the workbench's administrator",
    )


def _good(answer: Answer, *, raw: bool, seconds: float) -> Outcome:
    body = answer.body.strip()
    is_page = "html" in answer.header("content-type")
    if raw and not is_page:
        return Outcome("ok", answer.status, content=answer.body, seconds=seconds)
    if is_page or body.startswith(b"<"):
        page = body[:20000].decode(errors="replace")
        login = re.search(r"type=[\"']?password|log ?in|sign ?in", page, re.IGNORECASE)
        return Outcome("login" if login else "html", answer.status, detail=_title(page), seconds=seconds)
    try:
        payload = decoded(body) if body else {}
    except ValueError:
        return Outcome("garbage", answer.status, detail="not JSON", seconds=seconds)
    if not isinstance(payload, dict):
        return Outcome("garbage", answer.status, detail="not a JSON object", seconds=seconds)
    return Outcome("ok", answer.status, payload, seconds=seconds)


def _bad(status: int) -> Kind:
    known: dict[int, Kind] = {
        401: "key", 403: "denied", 404: "absent", 408: "gateway", 409: "conflict", 410: "absent",
        425: "busy", 429: "busy", 504: "gateway",
    }  # fmt: skip
    return known.get(status, "broken" if status >= 500 else "refused")


def _words(answer: Answer, secrets: tuple[Secret, ...]) -> str:
    """The server's reason: `message` or `error` of the API's JSON, else the title of a page, else nothing."""
    text = answer.body[:20000].decode(errors="replace")
    try:
        payload = decoded(answer.body)
    except ValueError:
        payload = None
    if isinstance(payload, dict):
        said = payload.get("message") or payload.get("error") or ""
        text = said if isinstance(said, str) else ""
    elif "<" in text:
        text = _title(text)
    return " ".join(sanitize(mask(text, secrets)).split())[:_LONGEST].rstrip(". ")


def _title(page: str) -> str:
    found = re.search(r"<title[^>]*>(.*?)</title>", page, re.IGNORECASE | re.DOTALL) or re.search(
        r"<h1[^>]*>(.*?)</h1>", page, re.IGNORECASE | re.DOTALL
    )
    return " ".join(sanitize(found.group(1)).split())[:100] if found else "a web page"


def _retry_after(text: str) -> float:
    """Seconds; the form with a date is rare and is treated as none."""
    try:
        return min(60.0, max(0.0, float(text)))
    except ValueError:
        return 0.0
