"""The operations of API v2 that raytui uses, once for both transports: over HTTP and by the vendor's client.

Facts from the public specification 26.06.13. Verbs are suffixes of the path (`:stop`, `:restart`, `:download`).
"""

from __future__ import annotations

import msgspec


class Operation(msgspec.Struct, frozen=True):
    """One operation."""

    method: str
    path: str
    vendor: str
    """Method of `cmlapi.CMLServiceApi`; the body comes first, then the ids in the order of `ids`."""
    phrase: str
    """What it does, for error messages."""
    ids: tuple[str, ...] = ()
    body: bool = False
    repeatable: bool = True
    """Whether sending it a second time does no harm when the first answer was lost."""
    raw: bool = False
    """Whether the answer is a file and not JSON."""


_PROJECT = ("project_id",)
_APPLICATION = ("project_id", "application_id")
_JOB = ("project_id", "job_id")
_RUN = ("project_id", "job_id", "run_id")
_FILE = ("project_id", "path")
_APPLICATIONS = "/api/v2/projects/{project_id}/applications"
_JOBS = "/api/v2/projects/{project_id}/jobs"
_FILES = "/api/v2/projects/{project_id}/files"

OPERATIONS: dict[str, Operation] = {
    "ValidateAPIKey": Operation(
        "POST", "/api/v2/auth/validate_key", "validate_api_key", "check the API key", body=True
    ),
    "ListProjects": Operation("GET", "/api/v2/projects", "list_projects", "list the projects"),
    "CreateProject": Operation(
        "POST", "/api/v2/projects", "create_project", "create the project {name}", body=True, repeatable=False
    ),
    "GetProject": Operation(
        "GET", "/api/v2/projects/{project_id}", "get_project", "read the project {project_id}", _PROJECT
    ),
    "UpdateProject": Operation(
        "PATCH",
        "/api/v2/projects/{project_id}",
        "update_project",
        "change the project {project_id}",
        _PROJECT,
        body=True,
    ),
    "ListProjectFiles": Operation(
        "GET", _FILES + "/{path}", "list_project_files", "list the folder {path} of the project", _FILE
    ),
    "DeleteProjectFile": Operation(
        "DELETE", _FILES + "/{path}", "delete_project_file", "delete {path} from the project", _FILE
    ),
    "UpdateProjectFileMetadata": Operation(
        "PATCH", _FILES + "/{path}", "update_project_file_metadata", "move {path} in the project", _FILE, body=True
    ),
    "DownloadProjectFile": Operation(
        "POST",
        _FILES + "/{path}:download",
        "download_project_file",
        "download {path} from the project",
        _FILE,
        raw=True,
    ),
    "UploadFile": Operation("POST", _FILES, "", "upload {path} to the project", _PROJECT, repeatable=False),
    "ListApplications": Operation(
        "GET", _APPLICATIONS, "list_applications", "list the applications of project {project_id}", _PROJECT
    ),
    "CreateApplication": Operation(
        "POST",
        _APPLICATIONS,
        "create_application",
        "create the application {name}",
        _PROJECT,
        body=True,
        repeatable=False,
    ),
    "DeleteApplication": Operation(
        "DELETE",
        _APPLICATIONS + "/{application_id}",
        "delete_application",
        "delete the application {name}",
        _APPLICATION,
    ),
    "StopApplication": Operation(
        "POST",
        _APPLICATIONS + "/{application_id}:stop",
        "stop_application",
        "stop the application {name}",
        _APPLICATION,
    ),
    # A second restart may meet an application that is STARTING already, and that can leave an engine behind that nobody
    # owns.
    "RestartApplication": Operation(
        "POST",
        _APPLICATIONS + "/{application_id}:restart",
        "restart_application",
        "restart the application {name}",
        _APPLICATION,
        repeatable=False,
    ),
    "ListJobs": Operation("GET", _JOBS, "list_jobs", "list the jobs of project {project_id}", _PROJECT),
    "CreateJob": Operation("POST", _JOBS, "create_job", "create the job {name}", _PROJECT, body=True, repeatable=False),
    "UpdateJob": Operation("PATCH", _JOBS + "/{job_id}", "update_job", "change the job {name}", _JOB, body=True),
    "DeleteJob": Operation("DELETE", _JOBS + "/{job_id}", "delete_job", "delete the job {name}", _JOB),
    "ListJobRuns": Operation("GET", _JOBS + "/{job_id}/runs", "list_job_runs", "list the runs of the job {name}", _JOB),
    "CreateJobRun": Operation(
        "POST", _JOBS + "/{job_id}/runs", "create_job_run", "run the job {name}", _JOB, body=True, repeatable=False
    ),
    "GetJobRun": Operation(
        "GET", _JOBS + "/{job_id}/runs/{run_id}", "get_job_run", "read the run {run_id} of the job {name}", _RUN
    ),
    "StopJobRun": Operation(
        "POST", _JOBS + "/{job_id}/runs/{run_id}:stop", "stop_job_run", "stop the run {run_id} of the job {name}", _RUN
    ),
    "ListRuntimes": Operation("GET", "/api/v2/runtimes", "list_runtimes", "list the runtimes"),
    "ListAllAcceleratorNodeLabels": Operation(
        "GET", "/api/v2/nodelabels", "list_all_accelerator_node_labels", "list the GPU types"
    ),
    "ListCPUProfiles": Operation("GET", "/api/v2/cpuprofiles", "list_cpu_profiles", "list the sizes of workloads"),
    "ListAllResourceGroups": Operation(
        "GET", "/api/v2/resourcegroups", "list_all_resource_groups", "list the resource groups"
    ),
    "GetDefaultQuota": Operation("GET", "/api/v2/default-quota/user", "get_default_quota", "read the quota"),
    "ListUsersQuota": Operation("GET", "/api/v2/usersquota", "list_users_quota", "read the quota of the users"),
    "ListGroupsQuota": Operation("GET", "/api/v2/groupsquota", "list_groups_quota", "read the quota of the groups"),
    "ListUsersAcceleratorQuota": Operation(
        "GET", "/api/v2/userslabels/quota", "list_users_accelerator_quota", "read the use of GPUs by kind"
    ),
    "ListUsage": Operation("GET", "/api/v2/usage", "list_usage", "read the use of the workloads"),
}
"""By operationId. Ids that a phrase names and the path does not (`name`, the upload's `path`) are for people only."""


def phrase(operation: str, ids: dict[str, str]) -> str:
    """What the call does, for error messages."""
    known = {"name": ids.get("application_id") or ids.get("job_id") or "", "path": "", **ids}
    return OPERATIONS[operation].phrase.format_map(known).rstrip()
