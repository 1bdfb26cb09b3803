"""The variables that a workload finds, and the addresses and ports that are its own."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from .model import OWNER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .model import Application, Project, Run
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
    bench: Workbench, project: Project, workload: Application | Run, *, engine_id: str, address: str, port: int
) -> dict[str, str]:
    """The environment of one workload: the platform's variables over the workload's own over the project's."""
    inherited = {
        name: value for name, value in os.environ.items() if name in PASSED_ON or name.startswith(PASSED_ON_PREFIXES)
    }
    memory = float(workload.fields.get("memory", 1))
    platform = {
        "HOME": str(project.folder),
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
        "CDSW_ENGINE_ID": engine_id,
        "CDSW_MASTER_ID": engine_id,
        "CDSW_IP_ADDRESS": address,
        "CDSW_APP_PORT": str(port),
        "CDSW_READONLY_PORT": str(free_port()),
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


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Addresses:
    """Hands out pod addresses 127.0.1.2 to 127.0.1.254, each after all others were used."""

    def __init__(self, first: int) -> None:
        self._next = first % 253

    def take(self, used: Iterable[str]) -> str:
        """The next address that no living workload has."""
        taken = set(used)
        for _ in range(253):
            address = f"127.0.1.{2 + self._next}"
            self._next = (self._next + 1) % 253
            if address not in taken:
                return address
        return f"127.0.2.{2 + self._next}"
