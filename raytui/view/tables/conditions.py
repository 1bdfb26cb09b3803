"""What is wrong now, worst first."""

from __future__ import annotations

from raytui.core.condition import Condition
from raytui.core.observed.snapshot import Reading
from raytui.core.remedy import as_commands
from raytui.core.report import condition_document
from raytui.view import amounts
from raytui.view.picture import Picture
from raytui.view.tables.documents import seconds
from raytui.view.tables.kind import Column, TableKind
from raytui.view.words import Role, severity_role


def _age(condition: Condition, picture: Picture) -> float | None:
    return max(0.0, picture.snapshot.observed_at - condition.since) if condition.since else None


def _severity(_condition: Condition, _picture: Picture, text: str) -> Role:
    return severity_role(text)


CONDITIONS: TableKind[Condition] = TableKind(
    name="conditions",
    title="Conditions",
    noun="conditions",
    summary="List what needs attention.",
    about="Everything that is wrong now, worst first, each with since when and what to do about it.",
    examples=("--filter severity=error", "--filter '!worker-2' --columns subject,message"),
    needs=frozenset({"nodes", "stats", "usage", "jobs", "serve", "events"}),
    reading=lambda picture: Reading(picture.assessment.conditions, at=picture.snapshot.observed_at),
    rows=lambda picture: picture.assessment.conditions,
    key=lambda condition: f"{condition.subject}/{condition.reason}/{condition.message}",
    columns=(
        Column("severity", lambda condition, _: condition.severity, role=_severity, width=8),
        Column("subject", lambda condition, picture: picture.short(condition.subject), width=10, wide=24),
        Column("reason", lambda condition, _: condition.reason, width=14, wide=22, rank=2),
        Column("for", _age, amounts.span, fields=("since", "for_s"), width=6, right=True, rank=3, is_span=True),
        Column("message", lambda condition, _: condition.message, width=24, wide=120),
        Column("hint", lambda condition, _: as_commands(condition.hint) or None, width=24, wide=80, rank=4),
    ),
    document=lambda condition, picture: {**condition_document(condition), "for_s": seconds(_age(condition, picture))},
    empty="nothing needs attention",
)
