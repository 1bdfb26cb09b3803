"""What Serve says of itself: its deployments with their replicas, and the configs that deployed its applications."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

from raytui.core.observed.snapshot import Rows
from raytui.core.observed.workload import ServeDeployment, ServeReplica
from raytui.core.serve import ServeApplication, ServeState
from raytui.dashboard.decode import Garbage, Read, decode, decode_open, each, seconds, text

R = TypeVar("R")


class _Replica(msgspec.Struct):
    state: str | None = None
    node_id: str | None = None
    replica_id: str | None = None
    pid: int | None = None
    actor_id: str | None = None
    actor_name: str | None = None
    worker_id: str | None = None
    log_file_path: str | None = None
    start_time_s: float | None = None


class _Deployment(msgspec.Struct):
    name: str | None = None
    status: str | None = None
    message: str | None = None
    replicas: list[_Replica] | None = None
    recent_dead_replicas: list[_Replica] | None = None
    target_num_replicas: int | None = None


class _Application(msgspec.Struct, Generic[R]):
    name: str | None = None
    status: str | None = None
    message: str | None = None
    route_prefix: str | None = None
    deployments: dict[str, R] | None = None
    source: str | None = None


class _Controller(msgspec.Struct):
    node_id: str | None = None
    log_file_path: str | None = None


class _Answer(msgspec.Struct, Generic[R]):
    applications: dict[str, R]
    controller_info: object = None


class _Deployed(msgspec.Struct):
    name: str | None = None
    status: str | None = None
    source: str | None = None
    deployed_app_config: dict[str, object] | None = None
    external_scaler_enabled: bool | None = None
    deployments: dict[str, _Deployment] | None = None


class _State(msgspec.Struct):
    applications: dict[str, _Deployed] | None = None
    target_capacity: float | None = None


def parse_serve(body: bytes) -> Rows[ServeDeployment]:
    """`/api/serve/applications/`: a row per deployment, and one for an application that has none (yet).

    Raises `Garbage`.
    """
    try:
        answer = decode(body, _Answer[_Application[_Deployment]])
        controller = _controller(answer.controller_info)
        rows = (_rows(key, application, controller) for key, application in answer.applications.items())
        read = Read([row for of_one in rows for row in of_one])
    except Garbage:
        open_answer = decode_open(body, _Answer[object])
        read = _each(open_answer.applications, _controller(open_answer.controller_info))
    return Rows(
        read.rows, total=len(read.rows) + read.unreadable, unreadable=read.unreadable, first_unreadable=read.first
    )


def _controller(info: object) -> _Controller:
    """Where the controller runs; nothing where Serve does not run, and before it said so."""
    try:
        return msgspec.convert(info, _Controller) if isinstance(info, dict) else _Controller()
    except msgspec.ValidationError:
        return _Controller()


def _each(applications: dict[str, object], controller: _Controller) -> Read[ServeDeployment]:
    """What can be read of each application, and of each of its deployments."""
    rows: list[ServeDeployment] = []
    unreadable, first = 0, ""
    for key, item in applications.items():
        try:
            (application,) = each([item], _Application[object]).rows
            deployments = each((application.deployments or {}).values(), _Deployment)
            unreadable, first = unreadable + deployments.unreadable, first or deployments.first
        except Garbage as error:
            unreadable, first = unreadable + 1, first or str(error)
            continue
        known: _Application[_Deployment] = _Application(
            application.name, application.status, application.message, application.route_prefix
        )
        known.source = application.source
        known.deployments = {row.name or f"{key}-{n}": row for n, row in enumerate(deployments.rows)}
        rows += _rows(key, known, controller)
    if unreadable and not rows:
        raise Garbage(first)
    return Read(rows, unreadable, first)


def _rows(key: str, application: _Application[_Deployment], controller: _Controller) -> Iterator[ServeDeployment]:
    name, status, route = text(application.name or key), text(application.status), text(application.route_prefix)
    source, place, log = text(application.source), text(controller.node_id), _log(controller.log_file_path)
    if not application.deployments:
        yield ServeDeployment(
            name,
            status,
            "",
            status,
            text(application.message),
            route=route,
            source=source,
            controller_node=place,
            controller_log=log,
        )
    for label, deployment in (application.deployments or {}).items():
        running = [replica for replica in deployment.replicas or () if replica.state == "RUNNING"]
        shown, state = text(deployment.name or label), text(deployment.status)
        yield ServeDeployment(
            name,
            status,
            shown,
            state,
            # What is wrong with the application is wrong with another deployment where this one is healthy.
            text(deployment.message) or (text(application.message) if state != "HEALTHY" else ""),
            len(running),
            route,
            tuple(text(replica.node_id) for replica in running if replica.node_id),
            source,
            deployment.target_num_replicas,
            tuple(_replica(name, shown, replica) for replica in deployment.replicas or ()),
            tuple(_replica(name, shown, replica) for replica in deployment.recent_dead_replicas or ()),
            place,
            log,
        )


def _replica(application: str, deployment: str, row: _Replica) -> ServeReplica:
    return ServeReplica(
        application,
        deployment,
        text(row.replica_id) or text(row.actor_name).rpartition("#")[2],
        text(row.state),
        text(row.node_id),
        row.pid or 0,
        text(row.actor_id),
        text(row.actor_name),
        text(row.worker_id),
        _log(row.log_file_path),
        seconds(row.start_time_s),
    )


def _log(path: str | None) -> str:
    """Ray's list of files names them without the slash with which Serve begins."""
    return text(path).lstrip("/")


def parse_serve_state(body: bytes) -> ServeState:
    """`/api/serve/applications/` in full; raises `Garbage` when any of it cannot be read: nothing may be left out."""
    found = decode(body, _State)
    return ServeState(
        tuple(_application(key, row) for key, row in (found.applications or {}).items()), found.target_capacity
    )


def _application(key: str, row: _Deployed) -> ServeApplication:
    # The name is Serve's key, as it must be sent again; a control character in it makes it nobody's name.
    return ServeApplication(
        text(row.name or key),
        text(row.status),
        text(row.source),
        row.deployed_app_config,
        bool(row.external_scaler_enabled),
        tuple(
            (text(name), sum(replica.state == "RUNNING" for replica in deployment.replicas or ()))
            for name, deployment in (row.deployments or {}).items()
        ),
    )
