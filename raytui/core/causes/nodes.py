"""Why a node, and the application that it belongs to, ended."""

from __future__ import annotations

from collections.abc import Iterator

from raytui.core.causes.excerpts import error_line, first_line
from raytui.core.causes.signs import Sign, conclude, is_vague, sign, signal_of
from raytui.core.causes.values import Cause, CauseKind, Evidence, Witness
from raytui.core.observed.kept import Moment
from raytui.core.observed.life import OVER, is_current
from raytui.core.observed.snapshot import Application, LauncherReport, Node
from raytui.core.remedy import Hint, Remedy

PLANNED_REASONS = frozenset({"EXPECTED_TERMINATION", "AUTOSCALER_DRAIN_PREEMPTED", "AUTOSCALER_DRAIN_IDLE"})
"""Ray's reasons for the end of a node that somebody or the autoscaler ended."""
_LOGS = ("raylet.err", "raylet.out", "gcs_server.err", "gcs_server.out")
_FULL = 0.95
"""The part of its memory in use from which a node's last figures are worth saying."""
_SAID: dict[CauseKind, str] = {
    "planned": "was ended on purpose",
    "out_of_memory": "was killed for memory",
    "disk_full": "ended because its disk is full",
    "agent_lost": "ended because one of Ray's agents on it ended, and the raylet ends with it",
    "cut_off": "was cut off: the head no longer heard of it while it still ran",
    "head_lost": "ended because it lost its head",
}


def of_node(evidence: Evidence, node: Node) -> Cause | None:
    """Why a node ended; none of one that lives."""
    joined = evidence.joined
    owner = joined.application_of(node)
    if node.state != "DEAD" and (owner is None or joined.state_of(owner)[1] != "DEAD"):
        return None
    return _conclude(evidence, node, owner)


def of_application(evidence: Evidence, app: Application) -> Cause | None:
    """Why an application ended, with its node when that is what ended; none of one that runs."""
    node = evidence.joined.node_of(app)
    if node is not None and evidence.joined.state_of(app)[1] == "DEAD":
        return _conclude(evidence, node, app)
    return _conclude(evidence, None, app) if app.state in {"failed", "stopped"} else None


def _conclude(evidence: Evidence, node: Node | None, app: Application | None) -> Cause:
    if evidence.snapshot.by_ray and node is not None:
        # What is called an application there is the node itself.
        app = None
    signs = list(_signs(evidence, node, app))
    kind, contradiction = conclude(signs)
    head = evidence.snapshot.head
    because = None
    if kind == "head_lost" and app is not None and app.role == "worker" and head is not None:
        lives = evidence.joined.is_alive(head)
        # A head that lives and was lost means that the way to it was.
        kind = "cut_off" if lives else kind
        because = None if lives else of_application(evidence, head)
    name = _name(evidence, node, app)
    texts = [one.witness.said for one in signs]
    said = _SAID.get(kind, "")
    certain = not contradiction and kind != "unknown"
    if kind == "killed":
        said = _killed(texts)
    elif kind == "unknown" and contradiction:
        said = f"ended, and the witnesses contradict each other: {contradiction}"
    elif kind == "unknown" and app is not None and app.state == "failed" and _own_words(evidence, app):
        # Its launcher or the platform says in plain words why, and nobody says otherwise.
        kind, certain, said = "start_failed", True, f"failed: {_own_words(evidence, app)}"
    elif kind == "unknown":
        said = _unheard(texts)
    full = _memory_before(node)
    if full and kind in {"killed", "unknown"}:
        said += f"; {full}"
    # Ray notices an end up to 65 s late, its platform at once.
    ends = [node.ended_at if node is not None else 0.0, app.ended_at if app is not None else 0.0]
    at = min((end for end in ends if end), default=0.0)
    is_node = node is not None
    return Cause(
        "node" if is_node else "application",
        node.node_id if node is not None else app.id if app is not None else "",
        kind,
        f"{name} {said}",
        tuple(one.witness for one in signs),
        because,
        _remedy(kind, app),
        certain,
        at,
    )


def _signs(evidence: Evidence, node: Node | None, app: Application | None) -> Iterator[Sign]:
    if node is not None and node.state == "DEAD":
        planned: CauseKind | None = "planned" if node.reason in PLANNED_REASONS else None
        said = node.message or node.reason
        if said:
            yield sign("Ray", said, node.ended_at, planned)
    if app is None:
        return
    now = Moment(evidence.snapshot.observed_at)
    report = app.launcher if is_current(app, app.launcher, now) else None
    if app.message and not (report is not None and app.message == report.message):
        yield sign("platform", app.message, app.ended_at)
    if report is not None and report.state in OVER:
        yield sign("launcher", _of_report(report), report.at, "planned" if _is_wanted(report) else None)
    operation = evidence.snapshot.operation
    if operation is not None and app.name in operation.ends:
        yield sign("raytui", f"{operation.verb} is at work on it", operation.since, "planned")
    for log in ("", *_LOGS):
        lines = evidence.tails.get(f"{app.short}/{log}" if log else app.short, ())
        found = _sign_in(lines)
        if found is not None and not (report is not None and report.message and report.message in found.witness.said):
            yield found._replace(
                witness=Witness(f"{app.short}/{log}" if log else f"{app.short}'s output", found[0].said)
            )


def _of_report(report: LauncherReport) -> str:
    if report.message:
        return report.message
    return "ended" if report.exit_code is None else f"Ray ended with exit code {report.exit_code}"


def _is_wanted(report: LauncherReport) -> bool:
    """Whether the launcher was asked to end."""
    return report.state == "ended" and report.message in {"on request", "drained on request"}


def _sign_in(lines: tuple[str, ...]) -> Sign | None:
    """The last line of a log that names a cause."""
    for line in reversed(lines):
        found = sign("", first_line(line))
        if found.kind is not None and found.kind != "planned":
            return found
    return None


def _own_words(evidence: Evidence, app: Application) -> str:
    """Why the application failed as its launcher or the platform says it."""
    report = app.launcher
    if (
        report is not None
        and report.state == "failed"
        and is_current(app, report, Moment(evidence.snapshot.observed_at))
    ):
        return report.message or app.message
    return app.message


def _name(evidence: Evidence, node: Node | None, app: Application | None) -> str:
    if app is not None:
        return f"node {app.short}" if node is not None else f"application {app.short}"
    assert node is not None
    name = evidence.joined.node_name(node.node_id)
    return f"node {name}" if name != node.node_id[:12] else f"node {node.node_id[:8]}"


def _killed(texts: list[str]) -> str:
    number = signal_of(texts)
    what = next((text.split(" (")[0] for text in texts if "(killed by signal" in text), "")
    by = f"signal {number}" if number is not None else "a signal"
    who = ": by somebody, or by the kernel because memory ran out" if number == 9 else ""
    return f"was killed by {by}" + (f" ({what})" if what else "") + who


def _unheard(texts: list[str]) -> str:
    if any(is_vague(text) for text in texts):
        return (
            "was lost: Ray no longer heard of it, and nothing says whether it was killed, its machine was lost or the "
            "network was cut"
        )
    error = next((error_line(text) for text in texts if text), "")
    return f"ended, and nothing says why{f' but: {error}' if error else ''}"


def _memory_before(node: Node | None) -> str:
    if (
        node is None
        or not node.memory_total
        or node.memory_used is None
        or node.memory_used / node.memory_total < _FULL
    ):
        return ""
    return f"its memory was {100 * node.memory_used / node.memory_total:.0f} % full before"


def _remedy(kind: CauseKind, app: Application | None) -> Hint:
    if app is None:
        return ""
    again = Remedy("restart", app.short, "runs it again")
    if kind == "planned":
        return ""
    if kind == "out_of_memory":
        return ("give its group more memory or run less on it; ", again)
    if kind == "disk_full":
        return ("free the disk or move Ray's temporary folder; ", again)
    if kind == "cut_off":
        return ("check the network between it and the head, and whether its machine stood still; ", again)
    if kind == "start_failed" and app.launcher is not None and app.launcher.hint:
        return app.launcher.hint
    return (Remedy("logs", app.short, "shows its last lines"), again)
