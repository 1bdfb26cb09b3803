"""The blast radius as sentences, the same in both front ends: whoever confirms reads them before anything happens."""

from __future__ import annotations

from collections.abc import Iterator

from raytui.core.blast.radius import Blast, ReplicaEnd, name_some
from raytui.core.units import duration, sanitize

_MOST = 4
"""Jobs and deployments that are named one by one."""


def blast_lines(blast: Blast) -> tuple[str, ...]:
    """What ends, what running tasks may expect, which worker is the idlest, and what is not known."""
    parts = [sanitize(part) for part in _parts(blast)]
    lines = []
    if parts:
        lines.append(f"ends {', '.join(parts)}")
    elif not blast.unknown and (blast.drain or blast.is_all):
        lines.append("no job, actor or Serve replica runs there")
    if blast.idlest:
        lines.append(f"the idlest worker is {sanitize(blast.idlest)}; scale ends those with the highest numbers")
    if blast.drain:
        lines.append(blast.drain)
    if blast.unknown:
        lines.append(f"not known: {'; '.join(sanitize(word) for word in blast.unknown)}")
    return tuple(lines)


def blast_sentence(blast: Blast) -> str:
    """The same as one text."""
    return "; ".join(blast_lines(blast))


def _parts(blast: Blast) -> Iterator[str]:
    jobs = blast.jobs or ()
    for job in jobs[:_MOST]:
        yield f"job {job.id}" + (f" after {duration(job.seconds)}" if job.seconds is not None else "")
    if len(jobs) > _MOST:
        yield f"{len(jobs) - _MOST:,} more jobs"
    if blast.actors or blast.is_more:
        yield _actors(blast)
    replicas = blast.replicas or ()
    for end in replicas[:_MOST]:
        yield _replicas(end)
    if len(replicas) > _MOST:
        rest = replicas[_MOST:]
        yield f"{sum(end.ends for end in rest):,} replicas of {len(rest):,} more deployments"
    if blast.groups:
        noun = "placement group" if len(blast.groups) == 1 else f"{len(blast.groups):,} placement groups"
        yield f"bundles of {noun} {name_some(blast.groups)}"
    if blast.tasks:
        count = sum(blast.tasks.values())
        each = name_some(f"{name} ({number:,})" if number > 1 else name for name, number in blast.tasks.items())
        yield f"{count:,} running task{'' if count == 1 else 's'}: {each}"
    if blast.object_bytes:
        yield f"{blast.object_bytes / 1e9:.1f} GB of objects"


def _actors(blast: Blast) -> str:
    count = blast.actors or 0
    actors = f"{'at least ' if blast.is_more else ''}{count:,} actor{'' if count == 1 else 's'}"
    more = []
    if blast.detached:
        more.append(f"detached: {name_some(blast.detached)}")
    if blast.named:
        more.append(f"named: {name_some(blast.named)}")
    if blast.actors_of_ray:
        more.append(f"{blast.actors_of_ray:,} of them Ray's own")
    return f"{actors} ({'; '.join(more)})" if more else actors


def _replicas(end: ReplicaEnd) -> str:
    of = f"of Serve {end.application}/{end.deployment}"
    if end.ends < end.of:
        return f"{end.ends:,} of {end.of:,} replicas {of}"
    return f"the last replica {of}" if end.of == 1 else f"all {end.of:,} replicas {of}"
