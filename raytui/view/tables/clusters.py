"""The clusters of all profiles, and those that their platforms list beside them, the worst first."""

from __future__ import annotations

from raytui.core.clusters import ClusterSummary
from raytui.core.remedy import as_commands
from raytui.core.units import rfc3339_or_none
from raytui.view import amounts
from raytui.view.filters import Value
from raytui.view.picture import Picture
from raytui.view.tables.kind import Column, TableKind, muted
from raytui.view.words import Role, summary_word


def _verdict(summary: ClusterSummary, _: Picture, _text: str) -> Role:
    return summary_word(summary)[1]


def _nodes(summary: ClusterSummary, _: Picture) -> Value:
    if summary.alive is None and not summary.expected:
        return None
    alive = "-" if summary.alive is None else str(summary.alive)
    return alive if summary.expected is None else f"{alive}/{summary.expected}"


def _age(summary: ClusterSummary, picture: Picture) -> float | None:
    """How long the verdict has been so."""
    return max(0.0, max(summary.observed_at, picture.snapshot.observed_at) - summary.since) if summary.since else None


CLUSTERS: TableKind[ClusterSummary] = TableKind(
    name="clusters",
    title="Clusters",
    noun="clusters",
    singular="cluster",
    summary="List the clusters of all profiles, the worst first.",
    about="Every profile of the configuration file, and what its platform lists beside, each looked at once: its "
    "verdict, since when it is so as far as that is known, and why. A cluster that cannot be asked is a row, too.",
    examples=("--filter verdict!=ok", "--columns name,verdict,why"),
    of_profiles=True,
    reading=lambda picture: picture.clusters,
    rows=lambda picture: picture.clusters.value or (),
    key=lambda summary: summary.name,
    columns=(
        Column("name", lambda summary, _: summary.name, width=12, wide=24, on_request=True),
        Column("cluster", lambda summary, _: summary.cluster or summary.name, width=12, wide=22),
        Column("profile", lambda summary, _: summary.profile, width=8, wide=12, rank=2),
        Column("platform", lambda summary, _: summary.platform or None, width=8, rank=3, role=muted),
        Column(
            "verdict",
            lambda summary, _: summary.verdict,
            written=lambda summary, _: summary_word(summary)[0],
            width=10,
            role=_verdict,
        ),
        Column("nodes", _nodes, fields=("nodes_alive", "nodes_expected"), width=6, right=True, rank=1),
        Column("since", _age, amounts.span, title="AGE", width=6, right=True, rank=1, is_span=True),
        Column("why", lambda summary, _: summary.why or None, width=24, wide=90),
        Column("hint", lambda summary, _: as_commands(summary.hint) or None, width=24, wide=80, on_request=True),
    ),
    document=lambda summary, _: {
        "name": summary.name,
        "cluster": summary.cluster or None,
        "profile": summary.profile,
        "platform": summary.platform or None,
        "verdict": summary.verdict,
        "phase": summary.phase,
        "nodes_alive": summary.alive,
        "nodes_expected": summary.expected,
        "since": rfc3339_or_none(summary.since),
        "observed_at": rfc3339_or_none(summary.observed_at),
        "why": summary.why or None,
        "hint": as_commands(summary.hint) or None,
        "is_found": summary.is_found,
    },
    empty="no other cluster is known: write further profiles into the configuration file",
)
