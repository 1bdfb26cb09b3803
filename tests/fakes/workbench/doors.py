"""Listening sockets of the workbench: the same server behind each, http and https on one port.

A connection whose first byte is that of a TLS handshake is TLS. So `https://$CDSW_DOMAIN` works beside the plain URL
that is printed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

from .wire import HEAD_LIMIT

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

HANDSHAKE = b"\x16"
PAUSE = 0.05


class Doors:
    """Accepts connections on any number of sockets. `only` makes TLS with that context a must."""

    def __init__(
        self, answer: Connection, secure: Callable[[], Awaitable[ssl.SSLContext | None]], only: ssl.SSLContext | None
    ) -> None:
        self._answer = answer
        self._secure = secure
        self._only = only
        self._beginning: set[asyncio.Task[None]] = set()

    async def serve(self, listening: socket.socket) -> None:
        """Accept until it is cancelled; the socket is closed then."""
        loop = asyncio.get_running_loop()
        listening.setblocking(False)
        try:
            while True:
                try:
                    connection, _ = await loop.sock_accept(listening)
                except OSError:  # too many open files, or a client that was gone already
                    await asyncio.sleep(PAUSE)
                    continue
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                task = loop.create_task(self._begin(connection))
                self._beginning.add(task)
                task.add_done_callback(self._beginning.discard)
        finally:
            listening.close()

    async def _begin(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            context = self._only
            if context is None and await _first_byte(connection) == HANDSHAKE:
                context = await self._secure()
            reader = asyncio.StreamReader(limit=HEAD_LIMIT)
            protocol = asyncio.StreamReaderProtocol(reader, self._answer)
            await loop.connect_accepted_socket(lambda: protocol, connection, ssl=context)
        except OSError:
            connection.close()  # the client went away, or wants no TLS of ours
        except asyncio.CancelledError:
            connection.close()
            raise

    async def close(self) -> None:
        """Give up connections that have not begun."""
        for task in list(self._beginning):
            task.cancel()
        await asyncio.gather(*self._beginning, return_exceptions=True)


async def _first_byte(connection: socket.socket) -> bytes:
    """The first byte that a client sends, left where it is; empty when it sends none."""
    while True:
        with contextlib.suppress(BlockingIOError):
            return connection.recv(1, socket.MSG_PEEK)
        await _readable(connection)


async def _readable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(connection, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection)
