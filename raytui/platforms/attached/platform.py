"""The platform of a cluster that somebody else made: it knows where the dashboard answers, and refuses whatever would change a node."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NoReturn

from raytui.core.errors import Failure, NotFound, Unreachable
from raytui.core.permission import require_changeable
from raytui.core.protocols import Check, DashboardTarget, LogChunk
from raytui.core.remedy import Remedy
from raytui.core.secret import unsendable
from raytui.core.snapshot import Application
from raytui.core.spec import ClusterSpec, PlatformName

MAX_TOKEN_BYTES = 65536
"""A longer file is no token."""


class AttachedPlatform:
    """One Ray cluster at one dashboard address.

    `authentication` asks that dashboard whether it wants a token: one is sent only where Ray itself asks for it.
    """

    name: PlatformName = "attached"
    appears_within = 0.0

    def __init__(self, address: str, authentication: Callable[[DashboardTarget], Awaitable[str | None]], *, ca_bundle: str = "") -> None:
        self._address = address
        self._authentication = authentication
        self._ca_bundle = ca_bundle

    async def list(self, cluster: str | None = None) -> tuple[Application, ...]:
        """Where to ask, as an application of unknown state: which nodes there are is Ray's to say, and asked there once a round."""
        name = cluster or self._address
        return (Application(self._address, name, name, "head", 0, "unknown", url=self._address),)

    async def dashboard(self, head: Application) -> DashboardTarget:  # noqa: ARG002  # there is one dashboard, whichever node is asked for
        """The address, with the token of the person where this Ray asks for one.

        Raises `Unreachable` when that could not be asked, or when the token cannot be read or sent.
        """
        plain = DashboardTarget(self._address, ca_bundle=self._ca_bundle, given=True)
        token, source, path = _own_token()
        if not source or await self._authentication(plain) != "token":
            return plain
        why = unsendable(token) if token else "it is empty, or no file that can be read as text"
        if why:
            hint = "correct it, or unset the variable that names it"
            raise Unreachable(Failure("login", "TokenUnreadable", f"the Ray token in {source} cannot be used: {why}", hint))
        login = {"Authorization": f"Bearer {token}"}
        return DashboardTarget(self._address, token_file=path, ca_bundle=self._ca_bundle, ray_headers=login, given=True)

    async def conflicts(self, names: tuple[str, ...]) -> tuple[str, ...]:  # noqa: ARG002  # nothing is made here
        """None."""
        return ()

    async def clusters(self) -> tuple[str, ...]:
        """The one behind the address."""
        return (self._address,)

    async def preflight(self, spec: ClusterSpec) -> tuple[Check, ...]:  # noqa: ARG002  # nothing is made from it
        """Nothing: what can be checked is the chain to the dashboard, which every look follows."""
        return ()

    async def recorded_spec(self, cluster: str) -> ClusterSpec | None:  # noqa: ARG002  # nobody asked raytui for anything
        """None."""
        return None

    async def resolve_ports(self, spec: ClusterSpec) -> ClusterSpec:
        """The spec as it is."""
        return spec

    async def complete(self, spec: ClusterSpec) -> ClusterSpec:
        """The spec as it is."""
        return spec

    async def read_file(self, path: str) -> bytes:
        """Raises `NotFound`: nothing is kept here of nodes that ended."""
        raise NotFound(f"nothing is kept of {path}", hint=Remedy("logs", "--list", "names what Ray still has"))

    async def tail(self, application: Application, offset: int | None = None, limit: int = 65536) -> LogChunk:  # noqa: ARG002
        """Raises `NotFound`: no launcher of raytui's runs there."""
        raise NotFound(f"{application.short} has no output of a launcher", hint=Remedy("logs", "--list", "names Ray's own files"))

    async def _refuse(self, *_what: object, **_more: object) -> NoReturn:
        require_changeable("the change", self.name, read_only=True)
        raise AssertionError

    create = prepare = stop = restart = delete = drain = write_launchers = write_file = record_spec = forget = _refuse

    async def close(self) -> None:
        """Nothing to let go of."""


def _own_token() -> tuple[str, str, str]:
    """The token, where it is from, and the file that holds it: `RAY_AUTH_TOKEN`, `RAY_AUTH_TOKEN_PATH`, `~/.ray/auth_token`, as Ray has it.

    All empty without one; only the token is when its file cannot be read.
    """
    given, named = os.environ.get("RAY_AUTH_TOKEN", "").strip(), os.environ.get("RAY_AUTH_TOKEN_PATH", "").strip()
    if given:
        return given, "RAY_AUTH_TOKEN", ""
    path = Path(named or "~/.ray/auth_token").expanduser()
    if not named and not path.is_file():
        return "", "", ""
    source = f"{path} (RAY_AUTH_TOKEN_PATH)" if named else str(path)
    try:
        readable = path.is_file() and path.stat().st_size <= MAX_TOKEN_BYTES
        return (path.read_text(encoding="utf-8").strip() if readable else ""), source, str(path)
    except (OSError, UnicodeDecodeError):
        return "", source, str(path)
