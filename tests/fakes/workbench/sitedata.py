"""What the site offers and no option changes: runtimes, add-ons, words.

Plain data in the form of the answers.
"""

from __future__ import annotations

from typing import Any

CREATED = "2026-06-13T08:00:00Z"
REGISTRY = "docker.repository.cloudera.com/cloudera/cdsw"
EDITORS = {
    "pbj-jupyterlab": "JupyterLab",
    "jupyterlab": "JupyterLab",
    "pbj-workbench": "PBJ Workbench",
    "workbench": "Workbench",
    "vscode": "VSCode",
}
VERSIONS = ("2025.01.3-b8", "2025.06.1-b5", "2025.09.1-b5", "2026.06.1-b2")


def _runtimes() -> list[dict[str, Any]]:
    rows = []
    for version in VERSIONS:
        for editor, shown in EDITORS.items():
            for python in ("3.9", "3.10", "3.11", "3.12", "3.13"):
                for edition in ("standard", "cuda"):
                    row = {
                        "image_identifier": f"{REGISTRY}/ml-runtime-{editor}-python{python}-{edition}:{version}",
                        "editor": shown,
                    }
                    row |= {
                        "kernel": f"Python {python}",
                        "edition": "Nvidia GPU" if edition == "cuda" else "Standard",
                        "full_version": version,
                    }
                    rows.append(
                        {
                            **row,
                            "description": f"Python {python} {edition} runtime with {shown}",
                            "status": "ENABLED",
                            "register_user_id": 1,
                        }
                    )
    other = {
        "editor": "JupyterLab",
        "kernel": "R 4.4",
        "edition": "Standard",
        "description": "R runtime",
        "status": "ENABLED",
        "register_user_id": 1,
    }
    rows.append(
        {
            "image_identifier": f"{REGISTRY}/ml-runtime-pbj-jupyterlab-r4.4-standard:{VERSIONS[-1]}",
            "full_version": VERSIONS[-1],
            **other,
        }
    )
    return rows


RUNTIMES = _runtimes()

ADDONS: list[dict[str, Any]] = [
    {
        "identifier": f"{name}-2026.06.1-b2", "component": component, "display_name": shown, "status": "AVAILABLE", "manageable": True,
        "created_at": CREATED, "id": number, "reason": "",
    }
    for number, (name, component, shown) in enumerate([("hadoop-cli-7.3.1", "HadoopCLI", "Hadoop CLI 7.3.1"), ("spark350", "Spark", "Spark 3.5.0")], 1)
]  # fmt: skip

WORKLOAD_STATUS = [
    "scheduling",
    "starting",
    "running",
    "stopping",
    "stopped",
    "unknown",
    "succeeded",
    "failed",
    "timedout",
]
WORKLOAD_TYPES = ["session", "job", "experiment", "model", "application"]
