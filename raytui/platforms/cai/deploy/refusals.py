"""What keeps a deploy from leading to a cluster, found by reading and reported before anything is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from raytui.core.desired.required import with_launchers
from raytui.core.desired.validate import validate
from raytui.core.errors import ConfigurationError, NotAllowed, Problem
from raytui.core.observed.catalog import LIST_PROJECTS, Project
from raytui.core.protocols.platform import Check
from raytui.core.spec import ClusterSpec
from raytui.platforms.cai.api.client import ApiClient
from raytui.platforms.cai.applications.lifecycle import Lifecycle
from raytui.platforms.cai.project.files import RemoteFiles
from raytui.platforms.cai.site.preflight import Preflight

_MENDED = frozenset({"venv"})
"""Fields of which deploy itself makes good what is wrong."""


def require_writable(project: Project) -> None:
    """Raise `NotAllowed` for a project that the key may only view."""
    if project.may_write is False:
        raise NotAllowed(
            f"this key may view the project {project.name} ({project.id}) and not change it; nothing was made",
            hint=("ask its owner for the role of a contributor; ", LIST_PROJECTS),
        )


async def refuse_impossible(
    client: ApiClient, spec: ClusterSpec, launchers: Mapping[str, bytes], *, is_new: bool = False
) -> None:
    """Raise `ConfigurationError` with every reason why the workbench could not run the cluster.

    In the client's project; of one that is yet to be made, `is_new`, only the workbench is asked.
    """
    spec = with_launchers(spec, "cai")
    unsound = validate(spec, "cai")
    checks: Iterable[Check] = ()
    if not unsound:
        render: Callable[[], Mapping[str, bytes]] = lambda: launchers  # noqa: E731
        preflight = Preflight(client, Lifecycle(client), RemoteFiles(client), render)
        checks = await (preflight.run_without_project(spec) if is_new else preflight.run(spec))
    failed = [check for check in checks if check.status == "fail" and check.field not in _MENDED]
    problems = [*unsound, *(Problem(check.field or check.name, check.message, check.hint) for check in failed)]
    if problems:
        raise ConfigurationError.from_problems(problems, f"deploy of {spec.name}")
