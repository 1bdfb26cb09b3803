"""What other people's programs ask for and raytui does not: lists that exist on every workbench, here always empty.

openapi.json does not describe them, so --validate does not look at them; paths and names are those of API v2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.workbench.paging import page
from tests.fakes.workbench.routing import Call, operation

from . import common

if TYPE_CHECKING:
    from tests.fakes.workbench.state import Workbench

PAGED = (
    ("ListRuntimeRepos", "/api/v2/runtimerepos", "runtimerepos"),
    ("ListDockerCredentials", "/api/v2/dockercredentials", "docker_credentials"),
    ("ListAllModels", "/api/v2/models", "models"),
    ("ListRegisteredModels", "/api/v2/registry/models", "models"),
    ("ListAllExperiments", "/api/v2/experiments", "experiments"),
    ("ListNewsFeeds", "/api/v2/newsfeeds/{category}", "feeds"),
    ("ListAcceleratorBasedTeamQuota", "/api/v2/nodelabels/team-quota", "accelerator_based_team_quota"),
    ("ListTeamsAcceleratorQuota", "/api/v2/userslabels/team-quota", "team_accelerator_quota"),
    ("ListProjectCollaborators", "/api/v2/projects/{project_id}/collaborators", "collaborators"),
    ("ListModels", "/api/v2/projects/{project_id}/models", "models"),
    ("ListExperiments", "/api/v2/projects/{project_id}/experiments", "experiments"),
)
WHOLE = (
    ("ListV2Keys", "/api/v2/users/{username}/v2_keys", "keys"),
    ("ListMlServingApps", "/api/v2/ml_serving_apps", "apps"),
    ("ListSyncedTeamMembers", "/api/v2/teams/{team_name}/group_members", "members"),
    ("ListSyncedTeamGroups", "/api/v2/teams/{team_name}/groups", "groups"),
)
COUNTED = "ListTeamsAcceleratorQuota"


def _serve(name: str, path: str, field: str, *, paged: bool) -> None:
    @operation(name, "GET", path, described=False)
    async def empty(bench: Workbench, call: Call) -> dict[str, Any]:
        if "project_id" in call.names:
            common.project_of(bench, call)
        if not paged:
            return {field: []}
        return {**page(bench, call, field, []), **({"total_count": "0"} if name == COUNTED else {})}


for _name, _path, _field in PAGED:
    _serve(_name, _path, _field, paged=True)
for _name, _path, _field in WHOLE:
    _serve(_name, _path, _field, paged=False)
