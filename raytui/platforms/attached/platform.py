"""The platform of a cluster that somebody else made.

It knows where the dashboard answers, and refuses whatever would change a node.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from raytui.core.errors import Failure, Unreachable
from raytui.core.observed.snapshot import Application
from raytui.core.platforms import PlatformName
from raytui.core.protocols.dashboard import DashboardTarget
from raytui.platforms.attached.nothing import AsGiven, NothingKept, refuse
from raytui.system.token import ray_token


class AttachedPlatform:
    """One Ray cluster at one dashboard address.

    `authentication` asks that dashboard whether it wants a token: one is sent only where Ray itself asks for it.
    """

    name: PlatformName = "attached"
    appears_within = 0.0

    def __init__(
        self, address: str, authentication: Callable[[DashboardTarget], Awaitable[str | None]], *, ca_bundle: str = ""
    ) -> None:
        self._address = address
        self._authentication = authentication
        self._ca_bundle = ca_bundle
        self.store = NothingKept()
        self.specs = AsGiven()

    async def list(self, cluster: str | None = None) -> tuple[Application, ...]:
        """Where to ask, as an application of unknown state.

        Which nodes there are is Ray's to say, and asked there once a round.
        """
        name = cluster or self._address
        return (Application(self._address, name, name, "head", 0, "unknown", url=self._address),)

    async def dashboard(self, head: Application) -> DashboardTarget:  # noqa: ARG002  # one for all nodes
        """The address, with the token of the person where this Ray asks for one.

        Raises `Unreachable` when that could not be asked, or when the token cannot be read or sent.
        """
        plain = DashboardTarget(self._address, ca_bundle=self._ca_bundle, given=True)
        # Looked at anew each time: a person may put the token right while a console watches.
        token = await asyncio.to_thread(ray_token, os.environ, Path.cwd(), of_the_user=True)
        if not token.source or await self._authentication(plain) != "token":
            return plain
        if token.trouble:
            hint = "correct it, or unset the variable that names it"
            raise Unreachable(
                Failure(
                    "login", "TokenUnreadable", f"the Ray token in {token.source} cannot be used: {token.trouble}", hint
                )
            )
        login = {"Authorization": f"Bearer {token.text}"}
        return DashboardTarget(
            self._address, token_file=token.path, ca_bundle=self._ca_bundle, ray_headers=login, given=True
        )

    async def conflicts(  # nothing is made here
        self,
        names: tuple[str, ...],  # noqa: ARG002
        cluster: str = "",  # noqa: ARG002
    ) -> tuple[str, ...]:
        """None."""
        return ()

    async def holdings(self) -> None:
        """None: who made the nodes is not known here."""

    create = prepare = stop = restart = delete = drain = forget = refuse

    async def close(self) -> None:
        """Nothing to let go of."""
