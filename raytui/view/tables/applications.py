"""The cluster's applications, each joined with its Ray node: what the platform says and what Ray says in one row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from raytui.core.causes.nodes import of_application
from raytui.core.causes.values import Evidence
from raytui.core.findings.nodes import PLANNED_ENDS
from raytui.core.observed.joined import Member
from raytui.core.observed.snapshot import Application, Node
from raytui.core.remedy import Remedy
from raytui.core.report import Document
from raytui.core.spec import GROUP_LABEL
from raytui.view import amounts
from raytui.view.filters import Value
from raytui.view.picture import Picture
from raytui.view.tables import figures
from raytui.view.tables.documents import plain, seconds
from raytui.view.tables.kind import Column, Note, TableKind, by_state, muted
from raytui.view.words import Role

_ON_ITS_WAY = frozenset({"starting", "waiting", "joining", "draining"})
"""What a launcher says of itself when its node does not live yet, or not for long."""


Place = Member | Node
"""One place of the cluster: an application with the node of its present life, or a node without application."""


def places(picture: Picture) -> Sequence[Place]:
    """The applications: the head, then workers by group and index."""
    return picture.joined.in_place


def strays(picture: Picture) -> Sequence[Node]:
    """Living nodes that belong to no application of the cluster: somebody joined them by hand."""
    return picture.joined.strays


def key(place: Place) -> str:
    """`head` or `GROUP-N`; a node of nobody by its id."""
    return f"node:{place.node_id}" if isinstance(place, Node) else place.application.short


def application_of(place: Place) -> Application | None:
    """The application in this place; none where nobody's node is."""
    return None if isinstance(place, Node) else place.application


def node_of(place: Place) -> Node | None:
    """The node in this place, dead or alive."""
    return place if isinstance(place, Node) else place.node


def living(place: Place, _: Picture | None = None) -> Node | None:
    """The node whose figures are those of this place now."""
    return node_of(place) if place.state == "ALIVE" else None


def name(place: Place) -> str:
    """The application by its name inside the cluster, a node of nobody by Ray's name of it."""
    return (place.name or f"node-{place.node_id[:8]}") if isinstance(place, Node) else place.application.short


def group(place: Place, _: Picture | None = None) -> str | None:
    """The group of a worker, for a node of nobody by its label in Ray; none for the head."""
    if isinstance(place, Node):
        return place.labels.get(GROUP_LABEL)
    return place.application.group or None


def ray_word(place: Place, picture: Picture) -> str:
    """What Ray says of the place's node in one word; dead reads louder than alive, for those who see no colour."""
    app, state = application_of(place), place.state
    if state == "ALIVE":
        return "alive"
    if state == "DEAD":
        return "ended" if is_planned(place, picture) else "DEAD"
    asked = picture.known.nodes.value is not None
    if app is None:
        return "unknown"
    report = app.launcher
    if report is not None and report.state == "unread" and not asked:
        return "unread"
    if state == "UNKNOWN":
        return "unknown"
    if app.state in {"starting", "running"} and report is not None and report.state in _ON_ITS_WAY:
        return report.state
    if app.state != "running":
        return "none"
    return "absent" if asked else "unknown"


def is_planned(place: Place, picture: Picture) -> bool:
    """Whether somebody wanted the end of the place's node: Ray says so, or raytui is at work on it."""
    app, node, operation = application_of(place), node_of(place), picture.snapshot.operation
    is_ray_planned = node is not None and node.state == "DEAD" and node.reason in PLANNED_ENDS
    return is_ray_planned or (app is not None and operation is not None and app.name in operation.ends)


def why(place: Place, picture: Picture) -> Note | None:
    """Why the place has no figures, in the words of whoever knows; none when it has them."""
    app, node, state = application_of(place), node_of(place), place.state
    if app is None:
        return None
    said = app.launcher.message if app.launcher is not None else ""
    if app.state in {"failed", "stopped"}:
        role: Role = "error" if app.state == "failed" else "muted"
        reason = app.message or said
        return Note(reason, role) if reason or app.ended_at == 0 else Note("", role, app.ended_at)
    if state == "DEAD":
        return _end(app, node, said, picture)
    if state == "ALIVE":
        return _no_figures(node, picture)
    if said:
        return Note(said, "muted")
    return (
        Note("its node cannot be asked", "muted")
        if app.state == "running" and picture.snapshot.nodes.value is None
        else None
    )


def _end(app: Application, node: Node | None, said: str, picture: Picture) -> Note:
    """Why its node ended: the cause where the witnesses agree on one, else what Ray or the launcher says."""
    at = node.ended_at if node is not None else 0.0
    reason = (node.message or node.reason) if node is not None and node.state == "DEAD" else said
    cause = of_application(Evidence(picture.joined), app)
    if cause is not None and cause.kind == "planned":
        return Note(f"ended on purpose{f': {reason}' if reason else ''}", "muted", at)
    if cause is not None and cause.certain and cause.kind != "start_failed":
        reason = cause.sentence.removeprefix(f"node {app.short} ")
    return Note(reason or "its node has ended", "error", at)


def _no_figures(node: Node | None, picture: Picture) -> Note | None:
    if node is None:
        unasked = picture.snapshot.nodes.value is None
        return Note("its node cannot be asked", "muted") if unasked else Note("no figures yet", "muted")
    if node.cpu_percent is not None:
        return None
    unread = picture.snapshot.figures.failure is not None
    return Note("figures could not be read", "warn") if unread else Note("no figures yet", "muted")


def _up(place: Place, picture: Picture) -> float | None:
    """Since when it runs; what starts again tells when it last ran, which is no running time."""
    app = application_of(place)
    if app is None or app.state != "running" or not app.started_at:
        return None
    return max(0.0, picture.known.observed_at - app.started_at)


def platform_word(place: Place, picture: Picture | None = None) -> str:
    """What the platform says of the place in one word; empty where no platform says anything beside Ray."""
    if picture is not None and picture.known.by_ray:
        return ""
    return "not ours" if isinstance(place, Node) else place.application.state


def _why_text(place: Place, picture: Picture) -> str | None:
    note = why(place, picture)
    return (note.text or None) if note is not None else None


def _why_role(place: Place, picture: Picture, _text: str) -> Role:
    note = why(place, picture)
    return note.role if note is not None else ""


def _version(place: Place, _: Picture) -> str | None:
    report = None if isinstance(place, Node) else place.application.launcher
    return (report.ray_version or None) if report is not None else None


def _ip(place: Place, _: Picture) -> str | None:
    node = node_of(place)
    return (node.ip or None) if node is not None else None


def _of_application(value: Callable[[Application], Value]) -> Callable[[Place, Picture], Value]:
    """A value that only applications have."""
    return lambda place, _: None if isinstance(place, Node) else value(place.application)


def _document(place: Place, picture: Picture) -> Document:
    app = application_of(place)
    document = plain(app, "created_at", "started_at", "ended_at", "began_at") if app is not None else {}
    document.pop("spec_json", None)
    return {
        **document,
        "group": group(place),
        "node_id": place.node_id or None,
        "node_state": place.state,
        "ray": ray_word(place, picture),
        **figures.document(living(place)),
        "ip": _ip(place, picture),
        "ray_version": _version(place, picture),
        "up_s": seconds(_up(place, picture)),
        "why": _why_text(place, picture),
    }


APPLICATIONS: TableKind[Place] = TableKind(
    name="apps",
    title="Applications",
    noun="applications",
    summary="List the cluster's applications.",
    about="Every application of the cluster, what the platform says of it, and what Ray says of its node.",
    examples=("--filter 'ray!=alive'", "--sort -memory", "--columns name,platform,cpus,gb,id"),
    needs=frozenset({"nodes", "stats"}),
    reading=lambda picture: picture.known.applications,
    rows=places,
    key=key,
    columns=(
        Column("name", lambda place, _: name(place), width=8, wide=24, is_lasting=True),
        Column(
            "group",
            group,
            role=muted,
            width=8,
            wide=16,
            rank=7,
            on_request=True,
            usual_if=figures.has_several_groups,
            is_lasting=True,
        ),
        Column("platform", platform_word, role=by_state, fields=("state",), width=8),
        Column("ray", ray_word, role=by_state, fields=("ray", "node_state"), width=7),
        *figures.columns(living),
        Column(
            "ip",
            _ip,
            role=muted,
            title="NODE IP",
            width=15,
            rank=7,
            on_request=True,
        ),
        Column(
            "version", _version, role=muted, fields=("ray_version",), width=8, rank=9, on_request=True, is_lasting=True
        ),
        Column(
            "up", _up, amounts.running_time, role=muted, fields=("up_s",), width=6, right=True, rank=1, is_span=True
        ),
        Column("id", _of_application(lambda app: app.id), width=19, wide=40, rank=9, is_lasting=True),
        Column(
            "cpus",
            _of_application(lambda app: app.cpu),
            fields=("cpu",),
            width=5,
            right=True,
            rank=9,
            on_request=True,
            is_lasting=True,
        ),
        Column(
            "gb",
            _of_application(lambda app: app.memory),
            amounts.gigabytes,
            fields=("memory",),
            width=5,
            right=True,
            rank=9,
            on_request=True,
            is_lasting=True,
        ),
        Column(
            "gpus",
            _of_application(lambda app: app.gpus),
            width=5,
            right=True,
            rank=9,
            on_request=True,
            is_lasting=True,
        ),
        Column("why", _why_text, role=_why_role, width=16, wide=80, rank=6),
    ),
    document=_document,
    note=why,
    empty=("no application of this cluster exists", Remedy("start", "", "creates it")),
    singular="application",
    leads_to=("actors", "tasks", "workers"),
    has_logs=True,
)
STATUS = ("name", "platform", "ray", "cpu", "memory", "store", "up")
"""The columns of `raytui status`."""
