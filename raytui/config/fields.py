"""The one table of what can be set: by which name, of which kind, with which meaning, through which flag and variables.

Reading a file, the environment and flags, `config show --origin`, `config init` and the documentation all follow this
table, so a setting cannot exist in one of them and be missing in another.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from raytui.core.platforms import PlatformName

Kind = Literal["text", "path", "number", "whole", "switch", "port"]
Value = str | float | int | bool
_LONGEST = 15
"""Digits of a whole number that somebody may mean; Python itself refuses to print or read very long ones."""
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
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
        """`RAYTUI_` and the path in capitals with `_` for dots, without the leading `cluster.`.

        Short forms stand in `SHORT_FORMS`.
        """
        return SHORT_FORMS.get(self.path) or "RAYTUI_" + self.spec_field.replace(".", "_").upper()

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
    Field("read_only", "switch", "Refuse every verb that changes something.", sample="false", only=_MADE),
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
)
BY_PATH = {field.path: field for field in FIELDS}
BOTH_RUNTIMES = Field(
    "cluster.runtime_identifier", "text", "Runtime image of head and workers alike.", "--runtime-identifier"
)
"""Short for both images, from a flag or from `RAYTUI_RUNTIME_IDENTIFIER`; the specific one of the same source wins."""


def from_text(field: Field, text: str) -> Value:
    """The value that a flag or variable says; raises ValueError with what is wrong as a sentence."""
    if field.kind in {"text", "path"}:
        return _chosen(field, text)
    word = text.strip()
    if field.kind == "switch":
        if word.lower() in _TRUE | _FALSE:
            return word.lower() in _TRUE
    elif field.kind == "port" and word == "auto":
        return word
    else:
        number = _number(word, whole=field.kind != "number")
        if number is not None:
            return number
    raise ValueError(f"{_short(text)!r} is not {field.wanted}")


def from_toml(field: Field, value: object) -> Value:
    """The value of a file, of the right type; raises ValueError with what is wrong as a sentence."""
    if field.kind == "switch" and isinstance(value, bool):
        return value
    if not isinstance(value, bool):
        if isinstance(value, str) and (field.kind in {"text", "path"} or (field.kind == "port" and value == "auto")):
            return _chosen(field, value)
        if isinstance(value, int) and field.kind in {"whole", "port"} and abs(value) < 10**_LONGEST:
            return value
        if isinstance(value, int | float) and field.kind == "number":
            return _float(value)
    raise ValueError(f"must be {field.wanted}, not {describe(value)}")


def describe(value: object) -> str:
    """A TOML value as a person calls it."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) >= 10**_LONGEST:
        return f"a number of more than {_LONGEST} digits"
    return f'the text "{_short(value)}"' if isinstance(value, str) else _short(str(value))


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."


def _chosen(field: Field, text: str) -> str:
    if field.choices and text not in field.choices:
        raise ValueError(f"{_short(text)!r} is not {field.wanted}")
    return text


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ValueError("is no number that a computer can hold") from None


def _number(text: str, *, whole: bool) -> float | int | None:
    try:
        if whole:
            return int(text) if len(text) <= _LONGEST + 1 else None
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
