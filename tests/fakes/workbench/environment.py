"""The variables that a workload finds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .model import OWNER

if TYPE_CHECKING:
    from .model import Application, Project, Run
    from .network import Place
    from .state import Workbench

PASSED_ON = (
    "LANG",
    "PATH",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "PIP_CERT",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
)
PASSED_ON_PREFIXES = ("UV_", "http_", "https_", "no_", "HTTP_", "HTTPS_", "NO_")
"""What an administrator of a workbench sets for everybody: registries, proxies and certificates."""


def for_workload(
    bench: Workbench, project: Project, workload: Application | Run, place: Place, *, home: str
) -> dict[str, str]:
    """The environment of one workload: the platform's variables over the workload's own over the project's."""
    inherited = {
        name: value for name, value in os.environ.items() if name in PASSED_ON or name.startswith(PASSED_ON_PREFIXES)
    }
    memory = float(workload.fields.get("memory", 1))
    platform = {
        "HOME": home,
        "USER": "cdsw",
        "TERM": "xterm",
        "PIP_USER": "1",
        "CDSW_DOMAIN": bench.domain,
        "CDSW_PROJECT_URL": f"{bench.url}/api/v1/projects/{OWNER['username']}/{project.slug}",
        "CDSW_API_URL": f"{bench.url}/api/v1",
        "CDSW_PROJECT": project.slug,
        "CDSW_PROJECT_ID": project.id,
        "CDSW_USERNAME": OWNER["username"],
        "CDSW_APIV2_KEY": bench.workload_key,
        "CDSW_ENGINE_ID": workload.engine_id,
        "CDSW_MASTER_ID": workload.engine_id,
        "CDSW_IP_ADDRESS": place.address,
        "CDSW_APP_PORT": str(place.port),
        "CDSW_READONLY_PORT": str(place.readonly_port),
        "CDSW_CPU_MILLICORES": str(int(workload.cpu * 1000)),
        "CDSW_MEMORY_MB": str(int(memory * 1000)),
        "CDSW_APP_POLLING_ENDPOINT": "/",
    }
    own = {
        name: value
        for name, value in workload.environment.items()
        if name not in platform or name == "CDSW_APP_POLLING_ENDPOINT"
    }
    return {**inherited, **project.environment, **platform, **own}
