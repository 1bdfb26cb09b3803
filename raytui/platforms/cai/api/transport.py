"""The narrow door to API v2: one call in, one raw answer or one way of having none out.

There are two transports behind it, the vendor's client and plain HTTP. Neither retries, follows redirects or judges an
answer: that is one body of logic above them, so that both behave the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import quote, urlsplit

import msgspec

from raytui.core.errors import ConfigurationError, Problem
from raytui.core.secret import Secret
from raytui.platforms.cai.api.operations import OPERATIONS
from raytui.system import trust

if TYPE_CHECKING:
    import ssl

MAX_BODY = 64 * 1024 * 1024
"""Bytes of one answer; a page of 100 applications has about 0.2 MB."""
NoAnswer = Literal["refused", "no-address", "untrusted", "no-route", "timeout", "lost", "too-large"]
ClientName = Literal["auto", "cmlapi", "http"]


class Answer(msgspec.Struct, frozen=True):
    """What came back, unjudged."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    def header(self, name: str) -> str:
        """One header, empty when it is missing."""
        return self.headers.get(name, "")


class TransportError(Exception):
    """No answer came; `kind` says how. `sent` is false when the request certainly never reached the server."""

    def __init__(self, kind: NoAnswer, detail: str = "", *, sent: bool = True) -> None:
        super().__init__(kind)
        self.kind: NoAnswer = kind
        self.detail = detail
        self.sent = sent


class Transport(Protocol):
    """One way to reach API v2."""

    name: str

    async def call(
        self, operation: str, ids: Mapping[str, str], *, query: Mapping[str, str | int], body: object, timeout: float
    ) -> Answer:
        """Send one request and answer whatever came back within `timeout` seconds.

        Raises TransportError when nothing did.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Endpoint(msgspec.Struct, frozen=True):
    """Where API v2 answers and how to be let in."""

    base: str
    """Scheme and host, without a path."""
    key: Secret
    ca_bundle: str = ""
    """Certificates of a private authority, a file or a folder."""
    connect_timeout: float = 3.0
    """Seconds; an address that swallows packets should not be waited for like a slow answer."""

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.base).netloc

    def headers(self) -> dict[str, str]:
        """The headers of every request; they hold the key."""
        return {"Authorization": f"Bearer {self.key.reveal()}", "Accept": "application/json", "User-Agent": "raytui"}

    def ssl_context(self) -> ssl.SSLContext:
        """The machine's authorities and those of `ca_bundle`; raises ConfigurationError when that cannot be read."""
        try:
            return trust.tls_context(self.ca_bundle)
        except trust.UnreadableBundle as error:
            problem = Problem("ca_bundle", str(error), "give a file of PEM certificates, or a folder of them")
            raise ConfigurationError.from_problems([problem]) from None


def normalized_host(host: str) -> str:
    """Scheme and host of what a person wrote: https where no scheme is given, any path cut.

    Raises ConfigurationError.
    """
    text = host.strip()
    if text and "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        problem = Problem(
            "host", f"{host!r} is not the address of a workbench", "for example https://ml.example.cloudera.site"
        )
        raise ConfigurationError.from_problems([problem])
    return f"{parts.scheme}://{parts.netloc}"


def path_of(operation: str, ids: Mapping[str, str]) -> str:
    """The path of a call, ids quoted as the vendor's client quotes them (a slash in a file's path too)."""
    entry = OPERATIONS[operation]
    return entry.path.format_map({name: quote(ids[name], safe="") for name in entry.ids})
