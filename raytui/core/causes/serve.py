"""Why a deployment of Serve is not as it should be: its replicas do not start, or they die one after the other."""

from __future__ import annotations

from raytui.core.causes.excerpts import error_line, first_line
from raytui.core.causes.processes import of_actor
from raytui.core.causes.values import Cause, CauseKind, Evidence, Witness
from raytui.core.observed.workload import ServeDeployment, ServeReplica
from raytui.core.remedy import Hint, Remedy

LATELY_S = 600.0
"""How long ago a replica may have been started to count among those that die one after the other."""
OFTEN = 2
"""Deaths of replicas within that time that need somebody although Serve replaces them; one is mended with that."""


def of_deployment(evidence: Evidence, deployment: ServeDeployment) -> Cause | None:
    """Why a deployment of Serve fails; none of one that does not, and whose replicas live."""
    lost = lost_replicas(evidence, deployment) if deployment.ended else []
    now = evidence.snapshot.observed_at
    often = sum(now - replica.started_at < LATELY_S for replica, _ in lost)
    if not deployment.fails and often < OFTEN:
        return None
    first, line = first_line(deployment.message), error_line(deployment.message)
    witnesses = [Witness("Ray", f"{deployment.status}: {first}".removesuffix(": "))]
    because: Cause | None = None
    kind: CauseKind = "unknown"
    said = f"is {deployment.status}"
    if line and line != first:
        witnesses.append(Witness("Ray", line))
        kind, said = "exception", f"is {deployment.status}: {line}"
    elif lost and lost[0][0] == deployment.ended[-1]:
        # Of an earlier one that died nothing is known to be left; the newest is the one that is missed.
        because = lost[0][1]
        kind = because.kind
        said = f"{said}: {often} of its replicas died within 10 minutes, the last one" if often >= OFTEN else said
    elif line:
        said = f"{said}: {line}"
    return Cause(
        "deployment",
        deployment.id,
        kind,
        f"{'deployment' if deployment.name else 'application'} {deployment.id} {said}",
        tuple(witnesses),
        because,
        _remedy(deployment, kind),
        kind != "unknown",
    )


def lost_replicas(evidence: Evidence, deployment: ServeDeployment) -> list[tuple[ServeReplica, Cause]]:
    """The replicas that ended without anybody having wanted it, the newest first, as far as their actors are known.

    Serve itself ends those that do not start, and those of which it wants fewer.
    """
    wanted = {replica.actor_id for replica in deployment.ended if replica.actor_id}
    actors = {actor.actor_id: actor for actor in evidence.snapshot.actors.value or () if actor.actor_id in wanted}
    found = [
        (replica, of_actor(evidence, actors[replica.actor_id]))
        for replica in reversed(deployment.ended)
        if replica.actor_id in actors
    ]
    return [(replica, cause) for replica, cause in found if cause is not None and cause.is_death]


def _remedy(deployment: ServeDeployment, kind: CauseKind) -> Hint:
    if kind != "exception":
        return ""
    if deployment.source != "declarative":
        return "correct it and deploy it again"
    return ("correct it and deploy it again, or ", Remedy("serve", f"delete {deployment.application}", "deletes it"))
