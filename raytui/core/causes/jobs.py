"""Why a job failed."""

from __future__ import annotations

import re

from raytui.core.causes.excerpts import error_line, exception_block, first_line, has_traceback, last_words
from raytui.core.causes.nodes import of_node
from raytui.core.causes.processes import MEMORY_HINT, named_actor, of_actor
from raytui.core.causes.signs import kind_of, memory_of
from raytui.core.causes.values import Cause, CauseKind, Evidence, Witness
from raytui.core.observed.snapshot import Job
from raytui.core.remedy import Hint, Remedy

_EXIT_CODE = re.compile(r"failed with exit code (-?\d+)")
_ENVIRONMENT = re.compile(r"runtime_env setup failed|RuntimeEnvSetupError|Failed to set up runtime environment")
_NOT_FOUND = re.compile(r".*(?:not found|No such file or directory).*")
_MEMORY_END = "Refer to the documentation on how to address the out of memory issue"
"""How the last line of Ray's OutOfMemoryError begins: of a failed job Ray tells the last ten lines only."""
_SHELL_SIGNAL = 128


def of_job(evidence: Evidence, job: Job) -> Cause | None:
    """Why a job ended; none of one that has not, or that succeeded."""
    if job.status == "STOPPED":
        return Cause("job", job.id, "planned", f"job {job.id} was stopped", (_ray(job, "STOPPED"),), at=job.ended_at)
    if job.status != "FAILED":
        return None
    output = "\n".join(evidence.tails.get(f"job/{job.id}", ()))
    text = job.message if has_traceback(job.message) or not output else f"{job.message}\n{output}"
    code = job.driver_exit_code
    if code is None and (found := _EXIT_CODE.search(job.message)) is not None:
        code = int(found[1])
    kind, said, because = _conclude(evidence, job, text, code)
    witnesses = [_ray(job, first_line(job.message))]
    line = _environment(job.message) if kind == "environment" else last_words(text)
    if line and line != first_line(job.message):
        # What ended before its driver began is Ray's word alone.
        witnesses.append(Witness("Ray" if code is None else f"job/{job.id}", line, job.ended_at))
    certain = kind != "unknown" and (because is None or because.certain)
    return Cause(
        "job",
        job.id,
        kind,
        f"job {job.id} {said}",
        tuple(witnesses),
        because,
        _remedy(job, kind),
        certain,
        job.ended_at,
    )


def _conclude(evidence: Evidence, job: Job, text: str, code: int | None) -> tuple[CauseKind, str, Cause | None]:
    if job.error_type == "RUNTIME_ENV_SETUP_FAILURE" or (code is None and _ENVIRONMENT.search(job.message)):
        return "environment", f"could not start: its runtime environment failed: {_environment(job.message)}", None
    if job.error_type == "JOB_SUPERVISOR_ACTOR_UNSCHEDULABLE":
        return "unschedulable", f"could not be placed: {first_line(job.message)}", None
    if code is None:
        return _without_code(evidence, job)
    if code < 0 or code > _SHELL_SIGNAL:
        number = -code if code < 0 else code - _SHELL_SIGNAL
        return "killed", f"failed: its driver was killed by signal {number}", _driver_node(evidence, job)
    if has_traceback(text) and code == 1:
        return _of_exception(evidence, job, text)
    last = last_words(text)
    if code == 1 and last.startswith(_MEMORY_END):
        return _killed_for_memory(evidence, job, text)
    if code in {126, 127}:
        not_found = next((line for line in reversed(text.splitlines()) if _NOT_FOUND.fullmatch(line)), "")
        return "not_found", f"failed: its command could not be run: {not_found or f'exit code {code}'}", None
    return "exit_code", f"failed with exit code {code}" + (f"; its last line: {last}" if last else ""), None


def _of_exception(evidence: Evidence, job: Job, text: str) -> tuple[CauseKind, str, Cause | None]:
    """What the exception says with which the driver ended: an own one, or that something of Ray's died."""
    line = error_line(text)
    rest = exception_block(text, line)
    because = named_actor(evidence, rest, line, job.ended_at)
    if because is not None:
        return because.kind, "failed", because
    if not line.startswith("ray.exceptions."):
        return "exception", f"failed: {line}", None
    if kind_of(rest) == "out_of_memory":
        return _killed_for_memory(evidence, job, rest)
    for name, kind in (
        ("RuntimeEnvSetupError", "environment"),
        ("OutOfDiskError", "disk_full"),
        ("NodeDiedError", "node_lost"),
        ("WorkerCrashedError", "process_lost"),
        ("ActorDiedError", "actor_lost"),
        ("ActorUnavailableError", "actor_lost"),
        ("ActorUnschedulableError", "unschedulable"),
        ("TaskUnschedulableError", "unschedulable"),
    ):
        if line.startswith(f"ray.exceptions.{name}"):
            node = next((evidence.joined.node(found) for found in re.findall(r"\b[0-9a-f]{56}\b", rest)), None)
            lost = of_node(evidence, node) if node is not None and kind == "node_lost" else None
            return kind, "failed" if lost is not None else f"failed: {line}", lost  # type: ignore[return-value]  # a kind
    return "exception", f"failed: {line}", None


def _killed_for_memory(evidence: Evidence, job: Job, text: str) -> tuple[CauseKind, str, Cause | None]:
    """Ray's exception names nobody; the actor of the job that was killed so is meant when there is only one."""
    killed = [
        actor
        for actor in evidence.snapshot.actors.value or ()
        if job.job_id and actor.job_id == job.job_id and actor.death == "OUT_OF_MEMORY"
    ]
    because = of_actor(evidence, killed[0]) if len(killed) == 1 else None
    if because is not None:
        return "out_of_memory", "failed", because
    return "out_of_memory", f"failed: Ray killed a process of it for memory{memory_of(text)}", None


def _without_code(evidence: Evidence, job: Job) -> tuple[CauseKind, str, Cause | None]:
    """A job whose driver never ended by itself: what started or watched it is gone."""
    if kind_of(job.message) == "out_of_memory":
        return "out_of_memory", f"failed: its driver was killed for memory{memory_of(job.message)}", None
    node = _driver_node(evidence, job)
    if node is not None:
        return node.kind, "failed", node
    supervisor = f"_ray_internal_job_actor_{job.id}"
    actor = next((actor for actor in evidence.snapshot.actors.value or () if actor.name == supervisor), None)
    lost = of_actor(evidence, actor) if actor is not None else None
    if lost is not None and lost.is_death:
        return lost.kind, "failed", lost
    if job.error_type == "JOB_SUPERVISOR_ACTOR_START_FAILURE":
        return "start_failed", f"could not start: {first_line(job.message).removesuffix(' Full traceback:')}", None
    reason = first_line(job.message)
    return "unknown", f"failed, and nothing says why{f' but: {reason}' if reason else ''}", None


def _driver_node(evidence: Evidence, job: Job) -> Cause | None:
    """The death of the node on which the driver ran, when it came no later than the job's end was noticed."""
    node = evidence.joined.node(job.driver_node_id)
    if node is None or node.state != "DEAD" or (job.ended_at and node.ended_at and node.ended_at > job.ended_at + 90.0):
        return None
    return of_node(evidence, node)


def _ray(job: Job, said: str) -> Witness:
    said = said.partition(", last available logs (truncated")[0]
    return Witness("Ray", f"{job.error_type}: {said}" if job.error_type else said, job.ended_at)


def _environment(message: str) -> str:
    """What of a runtime environment failed: pip's own error where there is one."""
    errors = [line.strip() for line in message.splitlines() if re.match(r"\s*(?:ERROR: |error: )", line)]
    return errors[-1] if errors else error_line(message)


def _remedy(job: Job, kind: CauseKind) -> Hint:
    logs = Remedy("logs", f"job/{job.id}", "shows what it printed") if job.driver_node_id else ""
    if kind == "out_of_memory":
        return MEMORY_HINT
    if kind == "environment":
        return "correct the runtime environment that it was submitted with"
    if kind == "not_found":
        return ("check the command and its path on the cluster's nodes", *((("; "), logs) if logs else ()))
    return logs
