"""The clusters of all profiles, and those that their platforms list beside them, the worst first."""

from __future__ import annotations

from raytui.core.clusters import ClusterLook
from raytui.core.remedy import as_commands
from raytui.core.units import rfc3339_or_none
from raytui.view import amounts
from raytui.view.filters import Value
from raytui.view.picture import Picture
from raytui.view.tables.kind import Column, TableKind, muted
from raytui.view.words import Role, look_word


def _verdict(look: ClusterLook, _: Picture, _text: str) -> Role:
    return look_word(look)[1]


def _nodes(look: ClusterLook, _: Picture) -> Value:
    if look.alive is None and not look.expected:
        return None
    alive = "-" if look.alive is None else str(look.alive)
    return alive if look.expected is None else f"{alive}/{look.expected}"


def _age(look: ClusterLook, picture: Picture) -> float | None:
    """How long the verdict has been so."""
    return max(0.0, max(look.observed_at, picture.snapshot.observed_at) - look.since) if look.since else None


CLUSTERS: TableKind[ClusterLook] = TableKind(
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
    key=lambda look: look.name,
    columns=(
        Column("name", lambda look, _: look.name, width=12, wide=24, on_request=True),
        Column("cluster", lambda look, _: look.cluster or look.name, width=12, wide=22),
        Column("profile", lambda look, _: look.profile, width=8, wide=12, rank=2),
        Column("platform", lambda look, _: look.platform or None, width=8, rank=3, role=muted),
        Column(
            "verdict", lambda look, _: look.verdict, written=lambda look, _: look_word(look)[0], width=10, role=_verdict
        ),
        Column("nodes", _nodes, fields=("nodes_alive", "nodes_expected"), width=6, right=True, rank=1),
        Column("since", _age, amounts.span, title="AGE", width=6, right=True, rank=1, is_span=True),
        Column("why", lambda look, _: look.why or None, width=24, wide=90),
        Column("hint", lambda look, _: as_commands(look.hint) or None, width=24, wide=80, on_request=True),
    ),
    document=lambda look, _: {
        "name": look.name,
        "cluster": look.cluster or None,
        "profile": look.profile,
        "platform": look.platform or None,
        "verdict": look.verdict,
        "phase": look.phase,
        "nodes_alive": look.alive,
        "nodes_expected": look.expected,
        "since": rfc3339_or_none(look.since),
        "observed_at": rfc3339_or_none(look.observed_at),
        "why": look.why or None,
        "hint": as_commands(look.hint) or None,
        "is_found": look.is_found,
    },
    empty="no other cluster is known: write further profiles into the configuration file",
)
