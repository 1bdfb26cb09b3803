"""The cluster's applications, each joined with its Ray node: what the platform says and what Ray says in one row."""

from __future__ import annotations

from raytui.core.snapshot import Application, Node
from raytui.view import amounts
from raytui.view.picture import Picture
from raytui.view.tables.documents import plain
from raytui.view.tables.kind import Column, Document, TableKind
from raytui.view.tables.nodes import share
from raytui.view.words import Marked, state_role


def living_node(app: Application, picture: Picture) -> Node | None:
    """The node whose figures are those of the application now."""
    return picture.joined.node_of(app) if picture.joined.is_alive(app) else None


def _ray(app: Application, picture: Picture) -> str | None:
    """Ray's word; dead reads louder than alive, for those who see no colour."""
    state = picture.joined.state_of(app)[1]
    if state is None and app.launcher is not None and app.state in {"starting", "running"} and app.launcher.state not in {"", "unread"}:
        return app.launcher.state
    return {"ALIVE": "alive", "DEAD": "DEAD", "UNKNOWN": "unknown"}.get(state or "")


def _up(app: Application, picture: Picture) -> float | None:
    return picture.snapshot.observed_at - app.started_at if app.started_at and app.state in {"running", "starting"} else None


def _figure(name: str, app: Application, picture: Picture) -> float | None:
    node = living_node(app, picture)
    return None if node is None else getattr(node, name)


def _disk(app: Application, picture: Picture) -> float | None:
    node = living_node(app, picture)
    return None if node is None else share(node.disk_used, node.disk_total)


def _gpu(app: Application, picture: Picture) -> float | None:
    node = living_node(app, picture)
    return sum(gpu.utilization for gpu in node.gpus) / len(node.gpus) if node is not None and node.gpus else None


def _why(app: Application, picture: Picture) -> str | None:
    note = why(app, picture)
    return note[0] if note is not None else None


def why(app: Application, picture: Picture) -> Marked | None:
    """Why the application's node has no figures, in the words of whoever knows; none when it has them."""
    node = picture.joined.node_of(app)
    state = picture.joined.state_of(app)[1]
    said = app.launcher.message if app.launcher is not None else ""
    if app.state in {"failed", "stopped"}:
        return (app.message or said or "it left no message", "error" if app.state == "failed" else "muted")
    if state == "DEAD":
        ended = (node.message or node.reason) if node is not None and node.state == "DEAD" else said
        return (ended or "its node has ended", "error")
    if state == "ALIVE":
        return None
    if said:
        return (said, "muted")
    return ("its node could not be asked", "muted") if app.state == "running" and picture.snapshot.nodes.value is None else None


def _document(app: Application, picture: Picture) -> Document:
    node_id, state = picture.joined.state_of(app)
    document = plain(app, "created_at", "started_at", "ended_at")
    document.pop("spec_json")
    return {**document, "node_id": node_id or None, "node_state": state}


APPLICATIONS: TableKind[Application] = TableKind(
    name="apps",
    title="Applications",
    needs=frozenset({"nodes", "stats"}),
    rows=lambda picture: picture.known.applications.value or (),
    key=lambda app: app.name,
    columns=(
        Column("name", lambda app, _: app.short, width=8, wide=24),
        Column("platform", lambda app, _: app.state, role=state_role, width=8),
        Column("ray", _ray, role=state_role, width=7),
        Column("cpu", lambda app, picture: _figure("cpu_percent", app, picture), amounts.percent, width=6, right=True, rank=2),
        Column("memory", lambda app, picture: _figure("memory_used", app, picture), amounts.size, width=9, right=True, rank=3),
        Column(
            "store",
            lambda app, picture: _figure("object_store_used", app, picture),
            amounts.size,
            title="OBJ STORE",
            width=9,
            right=True,
            rank=5,
        ),
        Column("gpu", _gpu, amounts.percent, width=6, right=True, rank=4),
        Column("disk", _disk, amounts.percent, width=6, right=True, rank=8),
        Column("up", _up, amounts.span, width=6, right=True, rank=1, is_span=True),
        Column("id", lambda app, _: app.id, width=19, rank=9),
        Column("why", _why, width=16, wide=80, rank=6),
    ),
    document=_document,
    note=why,
    empty="no application of this cluster exists: raytui start creates it",
)
