"""What the site offers: runtimes, add-ons, accelerators, quotas, resource groups.

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

LABELS: list[dict[str, Any]] = [
    {
        "id": "1", "label_key": "nvidia.com/gpu.product", "label_value": "NVIDIA-A10G", "availability": True, "max_gpu_count": "4", "current_gpu_count": "0",
        "max_gpu_per_workload": "2", "created_at": CREATED, "updated_at": CREATED, "default_quota": "2", "resource_group_id": "2", "cpu": 16.0,
        "memory": 64.0, "gpu_memory": 24.0,
    }
]  # fmt: skip

LABEL_QUOTA = [
    {
        "user_id": "1",
        "accelerator_id": "1",
        "gpu_quota": "2",
        "accelerator_key": "nvidia.com/gpu.product",
        "accelerator_value": "NVIDIA-A10G",
    }
]

DEFAULT_QUOTAS: list[dict[str, Any]] = [
    {
        "id": number,
        "requests_memory": "256",
        "requests_cpu": "64",
        "requests_gpu": "2",
        "created_at": CREATED,
        "active": True,
        "owner_type": owner,
    }
    for number, owner in enumerate(("USER", "GROUP"), 1)
]

GROUPS: list[dict[str, Any]] = [
    {
        "id": number, "name": name, "instance_group_name": name, "instance_type": kind, "cpu_count": 16, "gpu_count": gpus, "memory_in_gib": 64,
        "gpumemory_in_gib": "24" if gpus != "0" else "0", "gpu_model": "A10G" if gpus != "0" else "", "gpu_type": "nvidia.com/gpu" if gpus != "0" else "",
        "allow_jobs": True, "allow_sessions": True, "allow_models": True, "allow_applications": True, "autoscale_min": 0, "autoscale_max": 10,
        "rg_updated_at": CREATED,
    }
    for number, name, kind, gpus in ((1, "cpu-default", "m5.4xlarge", "0"), (2, "gpu-a10g", "g5.4xlarge", "1"))
]  # fmt: skip

CPU_PROFILES = [
    {"id": number, "cpu": cpu, "memory": memory, "resource_group_id": 1}
    for number, (cpu, memory) in enumerate(((1.0, 2.0), (2.0, 8.0), (4.0, 16.0), (16.0, 64.0)), 1)
]

USERS = {1: {"username": "engineer", "name": "Ei Engineer", "email": "engineer@example.com"}}

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
