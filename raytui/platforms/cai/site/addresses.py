"""The addresses under which applications of a workbench answer, and how Ray's dashboard is reached from here."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from raytui.core.errors import Failure, Unreachable
from raytui.core.observed.snapshot import Application
from raytui.core.protocols.dashboard import DashboardTarget
from raytui.core.remedy import Remedy
from raytui.platforms.cai.api.transport import Endpoint
from raytui.platforms.cai.project.folder import SharedFolder, token_path
from raytui.system.token import ray_token

LOOPBACK = frozenset({"127.0.0.1", "localhost"})
"""Where a workbench for tests listens."""


def site_of(base: str, domain: str = "") -> str:
    """Scheme and domain under which applications answer; the domain is the workbench's own name unless it is given.

    A loopback address has no names below it; those below `localhost` are loopback (RFC 6761).
    """
    scheme, _, netloc = base.partition("://")
    name, colon, port = (domain or netloc).partition(":")
    return f"{scheme}://{'localhost' if name in LOOPBACK else name}{colon}{port}"


class DashboardAddresses:
    """The ways to the dashboards of one project's clusters."""

    def __init__(self, endpoint: Endpoint, folder: SharedFolder, project_dir: Path | None) -> None:
        """`project_dir` is set when raytui runs inside the project."""
        self._endpoint = endpoint
        self._folder = folder
        self._project_dir = project_dir
        self._seen_tokens: dict[str, str] = {}

    async def of(self, head: Application) -> DashboardTarget:
        """By the head's own address inside the project, by its application when that serves it, else not at all."""
        if self._project_dir is not None:
            return await self._inside(head, self._project_dir)
        if head.exposed and head.url:
            return await self._outside(head)
        raise Unreachable(
            Failure(
                "network",
                "DashboardNotExposed",
                f"the dashboard of {head.cluster} is not reachable from here: {head.name} does not serve it "
                "to the outside",
                "run raytui inside the project, or start the cluster with expose_dashboard = true",
            )
        )

    async def _outside(self, head: Application) -> DashboardTarget:
        token = await self._ray_token(head)
        headers = {"Authorization": f"Bearer {self._endpoint.key.reveal()}"}
        login = {"X-Ray-Authorization": f"Bearer {token}"} if token else {}
        url = head.url
        if urlsplit(self._endpoint.base).hostname in LOOPBACK:
            # Names below localhost have an address on few machines; a workbench there goes by the Host header.
            url, headers["Host"] = self._endpoint.base, urlsplit(head.url).netloc
        return DashboardTarget(url, headers, ca_bundle=self._endpoint.ca_bundle, ray_headers=login)

    async def _inside(self, head: Application, project: Path) -> DashboardTarget:
        met = await self._folder.rendezvous(head.cluster)
        if met is None or not met.dashboard_url:
            raise Unreachable(
                Failure(
                    "application", "HeadNotReady", f"{head.name} has not yet said where it answers",
                    Remedy("logs", head.short, "shows how far it is"),
                )
            )  # fmt: skip
        token = await self._folder.token(head.cluster)
        bearer = f"Bearer {token}"
        login = {"Authorization": bearer, "X-Ray-Authorization": bearer} if token else {}
        kept = str(project / token_path(head.cluster)) if token else ""
        return DashboardTarget(met.dashboard_url, token_file=kept, ray_headers=login)

    async def _ray_token(self, head: Application) -> str:
        own = ray_token(os.environ, Path()).text
        if own:
            return own
        token = self._seen_tokens.get(head.id) or await self._folder.token(head.cluster)
        self._seen_tokens[head.id] = token
        return token
