"""Applications of API v2 as raytui sees them: pure functions from a listing, and from a request to a create's body.

The listing echoes the project's variables, clear-text secrets among them, in each application's `environment`: of those
only our own names are kept, so that nothing above can show the rest.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Mapping

import msgspec

from raytui.core.marker import Marker, describe
from raytui.core.marker import read as read_marker
from raytui.core.observed.snapshot import Application, ApplicationState
from raytui.core.protocols.platform import CreateRequest
from raytui.core.spec import head_name, place, worker_name
from raytui.core.units import parse_time
from raytui.platforms.cai.api.tolerant import decoded

SPEC_VARIABLE = "RAYTUI_SPEC"
_OURS = re.compile(r"RAYTUI_\w+|RAY_(?!AUTH_TOKEN$)\w+|AUTOSCALER_METRIC_PORT|DASHBOARD_METRIC_PORT")
_STATES: dict[str, ApplicationState] = {
    "starting": "starting",
    "scheduling": "starting",
    "pending": "starting",
    "queued": "starting",
    "restarting": "starting",
    "running": "running",
    "stopping": "stopping",
    "stopped": "stopped",
    "succeeded": "stopped",
    "killed": "stopped",
    "failed": "failed",
    "timedout": "failed",
}
"""The specification has starting, running, stopping, stopped, failed; the others were seen in public code. Any other
word is unknown."""
_LABEL = 63


class Record(msgspec.Struct, frozen=True):
    """One application as listed, ours or not."""

    id: str
    name: str
    subdomain: str
    marker: Marker | None
    state: ApplicationState
    raw_state: str
    created_at: float
    starting_at: float
    running_at: float
    stopped_at: float
    cpu: float
    memory: float
    gpus: int
    runtime_identifier: str
    script: str
    environment: dict[str, str]
    """Our own variables only."""
    accelerator: str = ""
    """Id of its accelerator label; empty without one."""
    resource_group_id: int = 0
    resource_profile_id: int = 0

    @property
    def ours(self) -> bool:
        """Whether it carries our marker under the name that the marker stands for.

        A copy under another name is somebody's own.
        """
        return self.marker is not None and self.name == expected_name(self.marker)


class Listed(msgspec.Struct, frozen=True):
    """A list of applications, read to its end."""

    records: tuple[Record, ...]
    unread: int = 0
    """Entries that could not be read and are left out: they may be anything, one of ours too."""


def expected_name(marker: Marker) -> str:
    """Name of the application that a marker belongs to."""
    if marker.role == "head":
        return head_name(marker.cluster)
    return worker_name(marker.cluster, marker.index, marker.group_name)


def normalized_state(word: object) -> ApplicationState:
    """A status word of any version of the workbench; what is not known is unknown and never final."""
    text = str(word or "").lower().removeprefix("application_")
    return _STATES.get(text, "unknown")


def parse(entry: Mapping[str, object]) -> Record:
    """One entry of the listing; missing or wrongly typed fields become empty ones."""
    return Record(
        id=_text(entry, "id"),
        name=_text(entry, "name"),
        subdomain=_text(entry, "subdomain"),
        marker=read_marker(_text(entry, "description")),
        state=normalized_state(entry.get("status")),
        raw_state=_text(entry, "status"),
        created_at=parse_time(_text(entry, "created_at")),
        starting_at=parse_time(_text(entry, "starting_at")),
        running_at=parse_time(_text(entry, "running_at")),
        stopped_at=parse_time(_text(entry, "stopped_at")),
        cpu=number(entry.get("cpu")),
        memory=number(entry.get("memory")),
        gpus=int(number(entry.get("nvidia_gpu"))),
        runtime_identifier=_text(entry, "runtime_identifier"),
        script=_text(entry, "script"),
        environment={
            name: value for name, value in environment_of(entry.get("environment")).items() if _OURS.fullmatch(name)
        },
        accelerator=_identity(entry, "accelerator_label_id"),
        resource_group_id=int(number(entry.get("resource_group_id"))),
        resource_profile_id=int(number(entry.get("resource_profile_id"))),
    )


def parse_all(entries: Iterable[object]) -> Listed:
    """The listing, entry by entry: one that is damaged, or has no id or name, takes none of the others with it."""
    records: list[Record] = []
    unread = 0
    for entry in entries:
        try:
            record = parse(entry) if isinstance(entry, dict) else None
        except (ValueError, TypeError, OverflowError, RecursionError):
            record = None
        if record is None or not record.id or not record.name:
            unread += 1
        else:
            records.append(record)
    return Listed(tuple(records), unread)


def environment_of(value: object) -> dict[str, str]:
    """The variables behind an `environment`, a JSON object in a string (or, in some answers, an object).

    Empty when it is damaged.
    """
    if isinstance(value, str) and value.strip():
        try:
            value = decoded(value.encode(errors="replace"))
        except ValueError:
            return {}
    return {str(name): str(held) for name, held in value.items()} if isinstance(value, dict) else {}


def to_application(record: Record, site: str) -> Application:
    """The core value of a record of ours; `site` is scheme and domain under which applications answer."""
    marker = record.marker
    assert marker is not None
    scheme, _, domain = site.partition("://")
    return Application(
        id=record.id,
        name=record.name,
        cluster=marker.cluster,
        role=marker.role,
        group=marker.group_name,
        index=marker.index,
        state=record.state,
        raw_state=record.raw_state,
        created_at=record.created_at,
        started_at=record.running_at,
        began_at=record.starting_at,
        ended_at=record.stopped_at if record.state in {"stopped", "failed"} else 0.0,
        spec_digest=marker.spec,
        run=marker.run,
        ray_port=marker.ray_port,
        dashboard_port=marker.dashboard_port,
        exposed=marker.exposed,
        cpu=record.cpu,
        memory=record.memory,
        gpus=record.gpus,
        accelerator_label_id=record.accelerator,
        runtime_identifier=record.runtime_identifier,
        script=record.script,
        spec_json=record.environment.get(SPEC_VARIABLE, ""),
        url=f"{scheme}://{record.subdomain}.{domain}" if record.subdomain else "",
    )


def in_order(records: Iterable[Record]) -> list[Record]:
    """Ours, by cluster, head first, workers by group and index, of several of one name the older first."""
    ours = [(record, record.marker) for record in records if record.ours and record.marker is not None]
    return [
        record
        for record, marker in sorted(
            ours,
            key=lambda pair: (
                pair[1].cluster,
                place(pair[1].group_name, pair[1].index),
                pair[0].created_at,
                pair[0].id,
            ),
        )
    ]


def subdomain_for(name: str, project_id: str) -> str:
    """A subdomain for an application: its name made valid, and six digits of the project.

    Subdomains are unique in a workbench.
    """
    label = "-".join(re.findall(r"[a-z0-9]+", name.lower())) or "ray"
    digest = hashlib.sha256(project_id.encode()).hexdigest()[:6]
    return f"{label[: _LABEL - 7].rstrip('-')}-{digest}"


def create_body(request: CreateRequest, project_id: str, environment: Mapping[str, str]) -> dict[str, object]:
    """The body of a create, whose accelerator is an id by now.

    Nothing in it is secret: whoever may see the project sees it.
    """
    variables = {**environment, **({SPEC_VARIABLE: request.spec_json} if request.spec_json else {})}
    body = {
        "project_id": project_id,
        "name": request.name,
        "subdomain": subdomain_for(request.name, project_id),
        "description": describe(request.marker),
        "script": request.script,
        "cpu": request.cpu,
        "memory": request.memory,
        "nvidia_gpu": request.gpus,
        "environment": variables,
        "runtime_identifier": request.runtime_identifier,
        "bypass_authentication": False,
    }
    chosen = {
        "accelerator_label_id": request.accelerator,
        "resource_group_id": request.resource_group_id,
        "resource_profile_id": request.resource_profile_id,
    }
    return body | {name: value for name, value in chosen.items() if value}


def request_from(record: Record) -> CreateRequest:
    """The request that would make a listed application again."""
    assert record.marker is not None
    environment = {name: value for name, value in record.environment.items() if name != SPEC_VARIABLE}
    return CreateRequest(
        record.name, record.marker, record.cpu, record.memory, record.gpus, environment, record.runtime_identifier,
        record.script, record.environment.get(SPEC_VARIABLE, ""), record.accelerator, record.resource_group_id,
        record.resource_profile_id,
    )  # fmt: skip


def number(value: object) -> float:
    """A number of the API: int64 comes as a string; 0 when it is none, or none that can be counted with."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0.0
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return 0.0
    return read if math.isfinite(read) else 0.0


def _identity(entry: Mapping[str, object], name: str) -> str:
    """An id of the API, which is 0 where there is none."""
    value = _text(entry, name)
    return "" if value == "0" else value


def _text(entry: Mapping[str, object], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else "" if value is None else str(value)
