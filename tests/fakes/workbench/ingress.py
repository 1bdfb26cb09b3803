"""The workbench's front door: `<subdomain>.<domain>` to the port of an application, behind the login."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING
from urllib.parse import quote

from .model import RUNNING
from .state import APPLICATION
from .wire import Answer, Request, html_answer

if TYPE_CHECKING:
    from .network import Place
    from .state import Workbench

POLL_SECONDS = 2.0
CONNECT_SECONDS = 5.0
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "content-length",
    "expect",
    "upgrade",
    "te",
    "trailer",
}


async def poll(place: Place, path: str) -> bool:
    """Whether the application's port gives a plain 200: no redirect, no login."""
    writer = None
    try:
        async with asyncio.timeout(POLL_SECONDS):
            reader, writer = await place.connect(place.port)
            writer.write(
                f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{place.port}\r\nUser-Agent: workbench-poll\r\n\r\n".encode()
            )
            status = await reader.readline()
        return status.split(b" ")[1:2] == [b"200"]
    except (OSError, TimeoutError, ValueError):
        return False
    finally:
        if writer is not None:
            writer.close()


def subdomain_of(bench: Workbench, request: Request) -> str | None:
    """The subdomain that the Host header names, None for the workbench itself."""
    first, _, rest = request.host.partition(".")
    return first if rest in ("localhost", "127.0.0.1") else None


def key_of(request: Request) -> str | None:
    """The bearer key of a request."""
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if kind.lower() == "bearer" and key.strip() else None


async def serve(bench: Workbench, subdomain: str, request: Request, writer: asyncio.StreamWriter) -> Answer | None:
    """Answer for an application, or pass its answer through to `writer` and give None."""
    application = next((app for app in bench.applications.values() if app.subdomain == subdomain), None)
    if application is None:
        return html_answer("404 Not Found", 404)
    if not application.fields.get("bypass_authentication"):
        key = key_of(request)
        audiences = bench.audiences(key) if key else set()
        if not audiences:
            return html_answer("Found", 302, Location=f"{bench.url}/login?redirect={quote(request.target, safe='')}")
        if APPLICATION not in audiences:
            return html_answer("403 Forbidden", 403)
    if bench.options.stub:
        return html_answer("stub application") if application.status == RUNNING else html_answer("502 Bad Gateway", 502)
    place = application.place
    try:
        if place is None:
            raise ConnectionError("it has not begun")
        async with asyncio.timeout(CONNECT_SECONDS):
            upstream = await place.connect(place.port)
    except (OSError, TimeoutError):
        return html_answer("502 Bad Gateway", 502)
    await _pass_through(bench, request, writer, *upstream)
    return None


async def _pass_through(
    bench: Workbench,
    request: Request,
    writer: asyncio.StreamWriter,
    up_reader: asyncio.StreamReader,
    up_writer: asyncio.StreamWriter,
) -> None:
    dropped = HOP_BY_HOP if bench.faults.authorization_passes else HOP_BY_HOP | {"authorization"}
    lines = [f"{request.method} {request.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items() if name not in dropped]
    lines += [
        f"X-Forwarded-Proto: {bench.options.scheme}",
        f"Content-Length: {len(request.body)}",
        "Connection: close",
        "",
        "",
    ]
    try:
        up_writer.write("\r\n".join(lines).encode("latin-1") + request.body)
        with contextlib.suppress(ConnectionError):
            await up_writer.drain()
            while data := await up_reader.read(65536):
                writer.write(data)
                await writer.drain()
    finally:
        up_writer.close()
        writer.close()
