"""The way out of a workload's own network: an HTTP proxy that the workbench answers inside it, for package registries and git.

Many companies' workbenches have nothing else. Where this machine itself goes out through a proxy, that one is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .wire import HEAD_LIMIT, html_answer

if TYPE_CHECKING:
    import socket

PORT = 3128
CONNECT_SECONDS = 20.0
HERE = f"http://127.0.0.1:{PORT}"


def variables(prefix: str) -> dict[str, str]:
    """What tells a workload of the proxy; names and addresses of the workbench itself are left out of it."""
    own = f"localhost,.localhost,127.0.0.1,{prefix}0.0/16"
    reported = {"https_proxy": HERE, "no_proxy": ",".join(filter(None, (own, _given("no_proxy"))))}
    if _given("http_proxy"):
        reported["http_proxy"] = HERE
    return reported | {name.upper(): value for name, value in reported.items()}


async def serve(listening: socket.socket) -> None:
    """Answer on a socket until it is cancelled."""
    server = await asyncio.start_server(_answer, sock=listening, limit=HEAD_LIMIT)
    async with server:
        await server.serve_forever()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        await _pass_on(head, reader, writer)
    except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        with contextlib.suppress(OSError):
            writer.write(html_answer("502 Bad Gateway", 502).encode(keep=False))
    finally:
        writer.close()


async def _pass_on(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    first, _, rest = head.partition(b"\r\n")
    method, target, version = first.decode("latin-1").split(" ")
    tunnel = method == "CONNECT"
    further = urlsplit(_given("https_proxy") if tunnel else _given("http_proxy"))
    there = urlsplit(f"//{target}" if tunnel else target)
    asked = further if further.hostname else there
    async with asyncio.timeout(CONNECT_SECONDS):
        up_reader, up_writer = await asyncio.open_connection(asked.hostname, asked.port or 80)
    if further.hostname:
        up_writer.write(head)
    elif tunnel:
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    else:
        path = f"{there.path or '/'}{'?' + there.query if there.query else ''}"
        up_writer.write(f"{method} {path} {version}\r\nConnection: close\r\n".encode("latin-1") + rest)
    try:
        await asyncio.gather(_copy(reader, up_writer), _copy(up_reader, writer))
    finally:
        up_writer.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)
        await target.drain()
    with contextlib.suppress(OSError):
        target.write_eof()


def _given(name: str) -> str:
    return os.environ.get(name) or os.environ.get(name.upper(), "")
