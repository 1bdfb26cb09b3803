"""HTTP/1.1 on asyncio streams, as much as an API server and its failures need.

Own code because a failing answer must be cut off at the byte and the connection reset on purpose, which no server
library offers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import struct
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

HEAD_LIMIT = 1 << 18
BODY_LIMIT = 1 << 30


class BadRequest(ValueError):
    """What arrived is not HTTP that this server understands."""


@dataclass
class Request:
    """One request, its body read in full. Header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path as it came, still percent-encoded."""
        return urlsplit("//x" + self.target).path if self.target.startswith("/") else urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        """Decoded query parameters."""
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def host(self) -> str:
        """The Host header without its port, lower case."""
        return re.sub(r":\d+$", "", self.headers.get("host", "")).strip("[]").lower()


@dataclass
class Answer:
    """One answer, before any fault touched it."""

    status: int = 200
    body: bytes = b""
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    def encode(self, *, head_only: bool = False, keep: bool = True) -> bytes:
        """The bytes on the wire."""
        reason = HTTPStatus(self.status).phrase
        lines = [f"HTTP/1.1 {self.status} {reason}", f"Content-Type: {self.kind}", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines.append("Connection: " + ("keep-alive" if keep else "close"))
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if head_only else self.body)


def json_answer(value: Any, status: int = 200) -> Answer:
    """A JSON answer."""
    return Answer(status, json.dumps(value).encode())


def html_answer(text: str, status: int = 200, **headers: str) -> Answer:
    """A small HTML page, the way proxies and login pages answer."""
    page = f"<!DOCTYPE html><html><head><title>{text}</title></head><body><h1>{text}</h1></body></html>"
    return Answer(
        status,
        page.encode(),
        "text/html; charset=utf-8",
        {name.replace("_", "-"): value for name, value in headers.items()},
    )


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
    """The next request of a connection, None at its end. Raises BadRequest."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except asyncio.LimitOverrunError:
        raise BadRequest("the head of the request is too long") from None
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequest("no HTTP request line")
    headers = {}
    for line in filter(None, lines):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        body = await _read_body(reader, headers)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return Request(words[0].upper(), words[1], headers, body)


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        parts = []
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            parts.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readuntil(b"\r\n")
        return b"".join(parts)
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > BODY_LIMIT:
        raise BadRequest("bad Content-Length")
    return await reader.readexactly(int(length))


def multipart(request: Request) -> list[tuple[str, bytes]]:
    """The parts of a multipart/form-data body as (field name, content). Raises BadRequest."""
    match = re.search(r'boundary="?([^";]+)"?', request.headers.get("content-type", ""))
    if match is None:
        raise BadRequest("no multipart boundary")
    parts = []
    for chunk in request.body.split(b"--" + match[1].encode())[1:]:
        if chunk.startswith(b"--"):
            break
        head, _, content = chunk.partition(b"\r\n\r\n")
        name = re.search(r'[; ]name="((?:[^"\\]|\\.)*)"', head.decode("utf-8", "replace"))
        if name is not None:
            parts.append((name[1].replace('\\"', '"').replace("%22", '"'), content.removesuffix(b"\r\n")))
    return parts


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with RST, as a crashed proxy does."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
