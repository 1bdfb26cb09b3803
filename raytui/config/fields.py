"""The one table of what can be set: by which name, of which kind, with which meaning, through which flag and variables.

Reading a file, the environment and flags, `config show --origin`, `config init` and the documentation all follow this
table, so a setting cannot exist in one of them and be missing in another.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from raytui.core.platforms import PlatformName

Kind = Literal["text", "path", "number", "whole", "switch", "port"]
Value = str | float | int | bool
_WORDS = {
    "text": "a text in quotes",
    "path": "a path in quotes",
    "number": "a number",
    "whole": "a whole number",
    "switch": "true or false",
    "port": "a whole number or auto",
}


class Field(msgspec.Struct, frozen=True):
    """One setting of a profile."""

    path: str
    """Where it stands in the profile's table, dots between levels."""
    kind: Kind
    meaning: str
    """One sentence for people, with the unit."""
    flag: str = ""
    """The flag that sets it, when there is one."""
    choices: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    """The platform's own variables that give it, the first that is set counts."""
    sample: str = ""
    """A value as TOML, for the commented file that `config init` writes."""
    only: tuple[PlatformName, ...] = ()
    """The platforms on which it means anything; none named: on all."""
    label: str = ""
    """One to three words for the form of a cluster; empty for what is not of the cluster."""
    unit: str = ""

    @property
    def variable(self) -> str:
        """`RAYTUI_` and the path in capitals with `_` for dots and hyphens, without the leading `cluster.`.

        Short forms stand in `SHORT_FORMS`.
        """
        return SHORT_FORMS.get(self.path) or "RAYTUI_" + self.spec_field.replace(".", "_").replace("-", "_").upper()

    def is_of(self, platform: PlatformName) -> bool:
        """Whether the setting means anything on a platform."""
        return not self.only or platform in self.only

    @property
    def spec_field(self) -> str:
        """The name under which problems of the spec know it: without the leading `cluster.`."""
        return self.path.removeprefix("cluster.")

    @property
    def wanted(self) -> str:
        """What a value must be, in words."""
        return "one of " + ", ".join(self.choices) if self.choices else _WORDS[self.kind]


SHORT_FORMS = {"cluster.name": "RAYTUI_CLUSTER", "cluster.workers.count": "RAYTUI_WORKERS"}

_IMAGE = '"docker.repository.cloudera.com/cloudera/cdsw/ml-runtime-pbj-jupyterlab-python3.11-standard:2025.09.1-b5"'

_MADE: tuple[PlatformName, ...] = ("local", "cai")
"""Where raytui makes the nodes."""

FIELDS: tuple[Field, ...] = (
    Field(
        "platform",
        "text",
        "Where nodes run: processes on this machine, Cloudera AI applications, or any Ray behind a dashboard "
        "address (attached).",
        choices=("local", "cai", "attached"),
        sample='"local"',
    ),
    Field(
        "address",
        "text",
        "Address of the Ray dashboard that is watched, for the platform attached.",
        "--address",
        sample='"http://127.0.0.1:8265"',
        only=("attached",),
    ),
    Field(
        "host",
        "text",
        "Address of the workbench; https unless it says http.",
        "--cml-host",
        variables=("CML_HOST", "CDSW_PROJECT_URL", "CDSW_DOMAIN"),
        sample='"https://ml.example.cloudera.site"',
        only=("cai",),
    ),
    Field(
        "project_id",
        "text",
        "The project, by its id or its name.",
        "--project",
        variables=("CML_PROJECT_ID", "CDSW_PROJECT_ID"),
        sample='"abcd-efgh-ijkl-mnop"',
        only=("cai",),
    ),
    Field(
        "api_key_file",
        "path",
        "File with the API v2 key, mode 0600; or CML_API_KEY.",
        "--cml-api-key-file",
        sample='"~/.config/raytui/prod.key"',
        only=("cai",),
    ),
    Field(
        "client",
        "text",
        "How the API is spoken: the vendor's client when it is there, or HTTP.",
        choices=("auto", "cmlapi", "http"),
        sample='"auto"',
        only=("cai",),
    ),
    Field("read_only", "switch", "Refuse every verb that changes something.", "--read-only", sample="false"),
    Field(
        "production",
        "switch",
        "Ask for the cluster's name to be typed before anything is ended; --yes does without.",
        sample="false",
        only=_MADE,
    ),
    Field(
        "theme",
        "text",
        "Colours of the console; colourblind tells states apart without red and green, mono by weight alone.",
        choices=("dark", "light", "contrast", "colourblind", "mono"),
        sample='"dark"',
    ),
    Field(
        "ca_bundle",
        "path",
        "Certificates of a private CA, as one PEM file.",
        sample='"/etc/ssl/private-ca.pem"',
        only=("cai", "attached"),
    ),
    Field(
        "domain",
        "text",
        "Name below which applications answer, when it is not the host's.",
        variables=("CDSW_DOMAIN",),
        sample='"ml.example.cloudera.site"',
        only=("cai",),
    ),
    Field(
        "venv",
        "path",
        "Virtual environment that holds Ray, for the local platform.",
        sample='"~/.venv"',
        only=("local",),
    ),
    Field("refresh", "number", "Seconds between two looks of the console and of watch.", sample="2"),
    Field(
        "bell",
        "switch",
        "Ring the terminal's bell when the verdict has changed, in the console and in watch.",
        "--bell",
        sample="true",
    ),
    Field(
        "notify",
        "text",
        "Command that the console and watch run when the verdict has changed, with RAYTUI_VERDICT and others set and "
        "the change as JSON on its input; no shell.",
        "--notify",
        sample='"~/bin/page-me --urgent"',
    ),
    Field(
        "cluster.name",
        "text",
        "Name of the cluster; applications are NAME-head and NAME-worker-N.",
        "--cluster",
        sample='"ray-cluster"',
        only=_MADE,
        label="Name",
    ),
    Field(
        "cluster.ray_port", "port", "Port of the head's GCS.", "--ray-port", sample="6379", only=_MADE, label="Ray port"
    ),
    Field(
        "cluster.dashboard_port",
        "port",
        "Port of Ray's dashboard on the head.",
        "--dashboard-port",
        sample="8265",
        only=_MADE,
        label="Dashboard port",
    ),
    Field(
        "cluster.expose_dashboard",
        "switch",
        "Serve the dashboard through the head application, behind login and token.",
        "--expose-dashboard",
        sample="false",
        only=_MADE,
        label="Expose dashboard",
    ),
    Field(
        "cluster.auth",
        "text",
        "Ray's own authentication.",
        choices=("token", "disabled"),
        sample='"token"',
        only=_MADE,
        label="Ray login",
    ),
    Field(
        "cluster.shared_memory",
        "number",
        "Shared memory that the project allows each pod at least, in GB; raised before applications are made.",
        "--shared-memory",
        sample="4",
        only=("cai",),
        label="Shared memory",
        unit="GB",
    ),
    Field(
        "cluster.head.cpu",
        "number",
        "CPUs of the head, which never gets GPUs.",
        "--head-cpu",
        sample="2",
        only=_MADE,
        label="Head CPU",
    ),
    Field(
        "cluster.head.memory",
        "number",
        "Memory of the head in GB.",
        "--head-memory",
        sample="8",
        only=_MADE,
        label="Head memory",
        unit="GB",
    ),
    Field(
        "cluster.head.runtime_identifier",
        "text",
        "Runtime image of the head.",
        "--head-runtime-identifier",
        sample=_IMAGE,
        only=("cai",),
        label="Head runtime",
    ),
    Field(
        "cluster.head.script",
        "text",
        "Path of the head launcher inside the project.",
        "--head-script",
        sample='"launchers/ray_head_launcher.py"',
        only=("cai",),
        label="Head script",
    ),
    Field(
        "cluster.workers.count",
        "whole",
        "Number of workers; 0 is a head alone.",
        "--workers",
        sample="1",
        only=_MADE,
        label="Workers",
    ),
    Field("cluster.workers.cpu", "number", "CPUs of each worker.", "--cpu", sample="4", only=_MADE, label="Worker CPU"),
    Field(
        "cluster.workers.memory",
        "number",
        "Memory of each worker in GB.",
        "--memory",
        sample="16",
        only=_MADE,
        label="Worker memory",
        unit="GB",
    ),
    Field(
        "cluster.workers.gpus", "whole", "GPUs of each worker.", "--gpus", sample="0", only=_MADE, label="Worker GPUs"
    ),
    Field(
        "cluster.workers.accelerator",
        "text",
        "Kind of GPU: a node label of the workbench, where it has several.",
        "--accelerator",
        sample='"A10G"',
        only=("cai",),
        label="Worker accelerator",
    ),
    Field(
        "cluster.workers.resource_group_id",
        "whole",
        "Id of the workbench's resource group that each worker runs in.",
        sample="1",
        only=("cai",),
        label="Resource group",
    ),
    Field(
        "cluster.workers.resource_profile_id",
        "whole",
        "Id of the workbench's resource profile of each worker.",
        sample="1",
        only=("cai",),
        label="Resource profile",
    ),
    Field(
        "cluster.workers.runtime_identifier",
        "text",
        "Runtime image of the workers.",
        "--worker-runtime-identifier",
        sample=_IMAGE,
        only=("cai",),
        label="Worker runtime",
    ),
    Field(
        "cluster.workers.script",
        "text",
        "Path of the worker launcher inside the project.",
        "--worker-script",
        sample='"launchers/ray_worker_launcher.py"',
        only=("cai",),
        label="Worker script",
    ),
    Field(
        "cluster.logs.keep",
        "switch",
        "Ship Ray's logs of each node, while it runs, to where they outlive it; logs finds them afterwards.",
        sample="true",
        only=_MADE,
        label="Keep logs",
    ),
    Field(
        "cluster.logs.per_node_mb",
        "whole",
        "Compressed megabytes of one node's logs that are kept at most; the oldest give way.",
        sample="64",
        only=_MADE,
        label="Kept a node",
        unit="MB",
    ),
    Field(
        "cluster.logs.per_cluster_mb",
        "whole",
        "Compressed megabytes of the logs of all nodes that are kept at most; the oldest lives give way.",
        sample="512",
        only=_MADE,
        label="Kept in all",
        unit="MB",
    ),
)
BY_PATH = {field.path: field for field in FIELDS}
WORKERS = "cluster.workers"
"""The table of the group `worker`; every other group has the same settings in a table of its own."""
GROUPS = "cluster.groups"
"""The table that holds one table for each further group of workers."""
BOTH_RUNTIMES = Field(
    "cluster.runtime_identifier", "text", "Runtime image of head and workers alike.", "--runtime-identifier"
)
"""Short for both images, from a flag or from `RAYTUI_RUNTIME_IDENTIFIER`; the specific one of the same source wins."""


def _label_in_group(label: str) -> str:
    return "count" if label == "Workers" else label.removeprefix("Worker ").replace("Resource", "resource")


def group_fields(group: str) -> tuple[Field, ...]:
    """The settings of a further group of workers: those of the group `worker`, in the group's own table."""
    return tuple(
        msgspec.structs.replace(
            field,
            path=f"{GROUPS}.{group}{field.path.removeprefix(WORKERS)}",
            flag="",
            meaning=_MEANINGS.get(field.path) or field.meaning,
            label=f"{group} {_label_in_group(field.label)}",
        )
        for field in FIELDS
        if field.path.startswith(f"{WORKERS}.")
    )


_MEANINGS = {
    f"{WORKERS}.count": "Number of workers of this group, called NAME-GROUP-N.",
    f"{WORKERS}.script": "Path of the worker launcher inside the project; the workers' own where it is left out.",
}
"""What means something else in the table of a further group."""
