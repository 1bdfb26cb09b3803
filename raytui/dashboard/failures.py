"""Why a dashboard could not be read: the link of the chain that failed, in one sentence, from what went wrong in HTTP.

Pure, so that each way of failing is a line of a test. Nothing here ever repeats a header: they hold the token.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from raytui.core.errors import Failure, Layer, NotFound, OperationFailed, RaytuiError, Unreachable
from raytui.core.protocols.dashboard import DashboardTarget
from raytui.core.remedy import Hint, Remedy
from raytui.core.units import sanitize
from raytui.dashboard.transport import Response, TransportError, Trouble

_QUOTE = 200
"""Characters of somebody else's text that are repeated in a sentence."""
_HEAD_HINT = Remedy("logs", "head", "shows what the head printed")
_GIVEN_HINT = "check the address, and the tunnel or port-forward that leads there"
GCS_PORT = 6379
_DASHBOARD_HINT = "give the address of Ray's dashboard, by default port 8265"
_KEY_HINT = "check the API key: it must be valid and made for applications (audience Application)"
_PROXY_HINT = "raytui cannot log in there: reach the dashboard past it, for example by kubectl port-forward or ssh -L"
_EVERY_RAY = ("/api/gcs_healthz", "/api/version")
"""What every supported Ray answers."""
_PROXIES = ("envoy", "nginx", "istio", "cloudflare", "traefik", "haproxy", "awselb")
_PROXY_WORDS = ("upstream connect error", "no healthy upstream", "bad gateway", "service unavailable", "gateway time")
_LOGIN_WORDS = ("login", "log in", "sign in", "signin", "password", "single sign-on", "saml", "oauth", "knox")


def of_trouble(error: TransportError, target: DashboardTarget, path: str, timeout: float) -> Unreachable:
    """The failure of a request that got no whole answer."""
    where, hint_of_silence = place(target), _GIVEN_HINT if target.given else _HEAD_HINT
    detail = f" ({sanitize(error.detail)[:_QUOTE]})" if error.detail else ""
    table: dict[Trouble, tuple[Layer, str, str, Hint]] = {
        "refused": (
            "dashboard",
            "ConnectionRefused",
            f"nothing listens on {where}: Ray's dashboard does not run there",
            hint_of_silence,
        ),
        "connect_timeout": (
            "network",
            "ConnectTimeout",
            f"no connection to {where} could be made in time",
            _GIVEN_HINT
            if target.given
            else "the host is gone or a firewall drops the packets: check that the head still runs at this address",
        ),
        "name": (
            "network",
            "NameUnknown",
            f"the name of {where} could not be resolved{detail}",
            "check the address and the name server",
        ),
        "route": (
            "network",
            "NoRoute",
            f"there is no way to {where}{detail}",
            "check the network between here and the head",
        ),
        "tls": (
            "network",
            "TlsFailed",
            f"no trusted connection to {where} could be made{detail}",
            "for a private authority name its certificates in the profile's ca_bundle or in SSL_CERT_FILE",
        ),
        "no_answer": (
            "dashboard",
            "NoAnswer",
            f"the dashboard at {where} took the request for {bare(path)} and did not answer within {timeout:g} s",
            "it is overloaded or hung" + ("" if target.given else f": {_HEAD_HINT}"),
        ),
        "closed": (
            "dashboard",
            "ConnectionClosed",
            f"the dashboard at {where} ended the connection in the middle of its answer to {bare(path)}",
            hint_of_silence,
        ),
        "too_large": (
            "dashboard",
            "TooLarge",
            f"the answer of {where} to {bare(path)} is over 64 MB and was not read",
            "report this: it should be asked for in parts",
        ),
        "changed": (
            "dashboard",
            "ListenerChanged",
            f"another process began to listen on {where} while the connection was made, so nothing was asked",
            "run it again; if it stays so, check who listens on the dashboard's port",
        ),
        "not_http": (
            "dashboard",
            "NotHttp",
            f"what answers at {where} does not speak HTTP{detail}",
            hint_of_silence if target.given else "another program holds the dashboard's port: check dashboard_port",
        ),
    }
    layer, reason, message, hint = table[error.trouble]
    if target.given and (
        error.trouble == "not_http" or (error.trouble == "closed" and urlsplit(target.url).port == GCS_PORT)
    ):
        # Ray's own address is the one that people have at hand.
        reason, message, hint = (
            "NotTheDashboard",
            f"{message}: Ray's GCS (by default port {GCS_PORT}) answers so",
            _DASHBOARD_HINT,
        )
    return Unreachable(
        Failure(layer, reason, message, hint, conclusive=error.trouble == "refused" and not target.given)
    )


def of_answer(answer: Response, target: DashboardTarget, path: str) -> RaytuiError | None:
    """The failure that an answer reports, or none when it is a plain 200."""
    status, where = answer.status, place(target)
    if status == 200 and not is_html(answer):
        return None
    if 300 <= status < 400:
        return _login("LoginRedirect", f"{where} answered with a redirect to {_host(answer)} instead of data", target)
    if status == 200:
        return _html(answer, target, path)
    if status == 403 and b"Profiling is disabled" in answer.body:
        return OperationFailed(
            f"Ray at {where} gives no stacks: profiling is switched off, as it is by default",
            hint="set RAY_DASHBOARD_ENABLE_PROFILING=1 for the head and start it again",
            reason="ProfilingDisabled",
        )
    if status in {401, 403}:
        return _refused(answer, target)
    if status in {502, 503, 504} and _from_proxy(answer):
        message = f"the way in to {where} works, but nothing answers behind it (status {status})"
        return _behind_proxy(message, target)
    reason = _message(answer)
    if path.startswith("/api/gcs_healthz") and status == 503:
        message = f"the dashboard at {where} answers, but GCS does not" + (f": {reason}" if reason else "")
        return Unreachable(
            Failure(
                "gcs",
                "GcsNotAnswering",
                message,
                "gcs_server.out on its head says why"
                if target.given
                else (
                    Remedy("logs", "head/gcs_server.out", "shows why"),
                    "; if it stays so, ",
                    Remedy("restart", "head"),
                ),
                conclusive=True,
            )
        )
    if status == 404 and bare(path) in _EVERY_RAY:
        message = f"what answers at {where} is not Ray's dashboard: it knows no {bare(path)}"
        hint = _DASHBOARD_HINT if target.given else "another program holds the dashboard's port: check dashboard_port"
        return Unreachable(Failure("dashboard", "NotRay", message, hint))
    if status in {404, 501}:  # 501: Ray was installed without the part that would answer
        return NotFound(
            f"the dashboard at {where} knows no {bare(path)}" + (f": {reason}" if reason else ""), reason="NotFound"
        )
    if (
        path.startswith("/api/v0/logs")
        and status == 500
        and ("file is not found" in reason or "doesn't exist" in reason)
    ):
        return NotFound(f"Ray has no such log: {reason}", hint=Remedy("logs", "--list", "names what there is"))
    if status == 429:
        return Unreachable(
            Failure(
                "dashboard",
                "Busy",
                f"the dashboard at {where} has too many requests at once: {reason}",
                "close other consoles or log streams",
            )
        )
    message = f"the dashboard at {where} answered {bare(path)} with status {status}" + (f": {reason}" if reason else "")
    return Unreachable(
        Failure(
            "dashboard",
            "ServerError" if status >= 500 else "RequestRefused",
            message,
            Remedy("logs", "head/dashboard.log", "may say more"),
        )
    )


def _behind_proxy(message: str, target: DashboardTarget) -> Unreachable:
    if target.given:
        return Unreachable(Failure("dashboard", "NothingListens", message, _GIVEN_HINT))
    return Unreachable(
        Failure("application", "NothingListens", message, f"the application is starting or has ended: {_HEAD_HINT}")
    )


def garbage(target: DashboardTarget, path: str, why: str) -> Unreachable:
    """The failure of an answer that is not what Ray answers."""
    message = f"the answer of {place(target)} to {bare(path)} is not what Ray answers: {sanitize(why)[:_QUOTE]}"
    hint = "another program may hold the dashboard's port, or Ray's version is not supported"
    return Unreachable(
        Failure("dashboard", "Garbage", message, _DASHBOARD_HINT if target.given and bare(path) in _EVERY_RAY else hint)
    )


def place(target: DashboardTarget) -> str:
    """Host and port, without user, path or query."""
    parts = urlsplit(target.url)
    return f"{parts.hostname or target.url}:{parts.port}" if parts.port else parts.hostname or target.url


def bare(path: str) -> str:
    """A path without its query."""
    return path.partition("?")[0]


def is_html(answer: Response) -> bool:
    """Whether the answer is a page for people."""
    return "text/html" in answer.headers.get("content-type", "") or answer.body[:256].lstrip().lower().startswith(
        (b"<!doctype", b"<html")
    )


def _from_proxy(answer: Response) -> bool:
    server = answer.headers.get("server", "").lower()
    text = answer.body[:2048].decode(errors="replace").lower()
    return (
        is_html(answer)
        or any(name in server for name in _PROXIES)
        or ("aiohttp" not in server and "health check" not in text and any(words in text for words in _PROXY_WORDS))
    )


def _refused(answer: Response, target: DashboardTarget) -> Unreachable:
    text = answer.body[:2048].decode(errors="replace").lower()
    if "authentication token" not in text and (
        is_html(answer) or "aiohttp" not in answer.headers.get("server", "aiohttp").lower()
    ):
        return _login(
            "KeyRefused",
            f"what stands before {place(target)} refused the request (status {answer.status})"
            if target.given
            else f"the platform's way in to {place(target)} refused the key (status {answer.status})",
            target,
        )
    if answer.status == 401:
        return _login("TokenMissing", f"Ray at {place(target)} asks for its token and none was sent", target)
    return _login("TokenWrong", f"Ray at {place(target)} refused the token", target)


def _login(reason: str, message: str, target: DashboardTarget, hint: Hint = "") -> Unreachable:
    if not hint and reason.startswith("Token"):
        what = "token that was sent" if target.given else "cluster's token"
        kept = f"the {what} is kept in {target.token_file}; " if target.token_file else ""
        hint = f"{kept}RAY_AUTH_TOKEN_PATH names a file with the token, RAY_AUTH_TOKEN gives the token itself"
    return Unreachable(Failure("login", reason, message, hint or (_PROXY_HINT if target.given else _KEY_HINT)))


def _html(answer: Response, target: DashboardTarget, path: str) -> Unreachable:
    text = answer.body[:65536].decode(errors="replace").lower()
    if any(words in text for words in _LOGIN_WORDS):
        return _login("LoginPage", f"{place(target)} answered with a login page instead of data", target)
    return garbage(target, path, "a web page")


def _host(answer: Response) -> str:
    """Where a redirect leads, without path and query, which may hold tokens."""
    return sanitize(urlsplit(answer.headers.get("location", "")).hostname or "another page")


def _message(answer: Response) -> str:
    """What the body says about the error, as one short piece of text: a message field, or the last line.

    Ray sends whole tracebacks.
    """
    text = answer.body[:65536].decode(errors="replace")
    if text.startswith("{"):
        try:
            message = msgspec.json.decode(answer.body, type=dict[str, object]).get("msg")
        except (msgspec.MsgspecError, UnicodeDecodeError):
            message = None
        text = message if isinstance(message, str) else text
    if "Server got itself in trouble" in text or is_html(answer):
        return ""
    # Ray wraps one traceback into another, which ends with a full stop on a line of its own.
    lines = [line.strip() for line in sanitize(text).splitlines() if line.strip(" .")]
    return lines[-1][:_QUOTE] if lines else ""
