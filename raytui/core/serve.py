"""Which Serve applications can be deleted safely, and the config that deletes them: Ray has no request for one alone.

`PUT /api/serve/applications/` applies a config anew: of the applications that a config deployed before, those that it
no longer names are deleted; those of `serve.run` are left alone, so these cannot be deleted that way at all. `DELETE`
ends Serve with every application (Ray 2.60: application_state.py, apply_app_configs; serve_head.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

import msgspec

from raytui.core.errors import NotFound, RefusedForSafety
from raytui.core.remedy import Hint, Remedy

DECLARATIVE = "declarative"
_UNFINISHED = frozenset({"NOT_STARTED", "DEPLOYING", "DEPLOY_FAILED"})
_PLAIN = re.compile(r"[\w.-]+", re.ASCII)


class ServeApplication(msgspec.Struct, frozen=True):
    """One application as Serve describes it."""

    name: str
    status: str = ""
    source: str = ""
    """declarative where a config deployed it, imperative where `serve.run` did; empty where this Ray does not tell."""
    config: dict[str, object] | None = None
    """What deployed it, as it is sent again; none where Serve does not tell it."""
    scaled_outside: bool = False
    """Whether its replicas are set from outside, which its config would take back."""
    deployments: tuple[tuple[str, int], ...] = ()
    """Name and running replicas of each."""


class ServeState(msgspec.Struct, frozen=True):
    """Everything that Serve runs."""

    applications: tuple[ServeApplication, ...] = ()
    target_capacity: float | None = None
    """Percent of all replicas that are to run, where somebody set that."""


class ServeRest(Protocol):
    """Serve's REST API."""

    async def serve_state(self) -> ServeState:
        """What Serve runs, with the configs that deployed it; nothing where Serve does not run."""
        ...

    async def apply_serve(self, config: dict[str, object]) -> None:
        """Apply a config; raises `OperationFailed` with Ray's words when it refuses."""
        ...


class ServeRemoval(msgspec.Struct, frozen=True):
    """What a deletion would do now."""

    ends: tuple[ServeApplication, ...]
    """The applications that are deleted; those among them that are being deleted already are only waited for."""
    keeps: tuple[str, ...]
    """The names of the others."""
    config: dict[str, object]
    """What is applied."""
    again: tuple[str, ...] = ()
    """Those of the others whose deployment has failed or goes on, which Serve begins anew when their config comes."""

    @property
    def changes(self) -> bool:
        """Whether anything has to be asked for."""
        return any(app.status != "DELETING" for app in self.ends)


class ServeManager(Protocol):
    """The means to delete Serve applications."""

    async def plan(self, names: Sequence[str]) -> ServeRemoval:
        """What deleting these would do now; raises what `removal_of` raises."""
        ...

    async def delete(self, removal: ServeRemoval) -> bool:
        """Delete them and return when Serve lists none of them any more; refused where Serve changed meanwhile.

        Answers whether that had to be asked for. Raises `DeadlineExceeded`.
        """
        ...


def removal_of(state: ServeState, names: Sequence[str]) -> ServeRemoval:
    """The config that deletes these applications and leaves all others as they are.

    Raises `NotFound` for a name of no application, `RefusedForSafety` where that is impossible without touching others.
    """
    wanted = tuple(dict.fromkeys(names))
    known = {app.name: app for app in state.applications}
    if len(known) < len(state.applications):
        raise RefusedForSafety(
            f"{', '.join(wanted)} was not deleted: Serve lists two applications whose names look the same",
            hint="apply a config without it by serve deploy",
            reason="NotSafe",
        )
    for name in wanted:
        if name not in known:
            have = ", ".join(known) or "none"
            raise NotFound(f"Serve runs no application {name}", hint=f"it runs: {have}")
    ends = tuple(known[name] for name in wanted)
    others = [app for app in state.applications if app.name not in wanted]
    for app in ends:
        if app.status != "DELETING":
            _require_deletable(app)
    again = [app for app in others if app.source != "imperative" and app.status != "DELETING"]
    for app in again:
        _require_repeatable(app, ends[0].name)
    config: dict[str, object] = {"applications": [app.config for app in again]}
    if state.target_capacity is not None:
        config["target_capacity"] = state.target_capacity
    anew = tuple(app.name for app in again if app.status in _UNFINISHED)
    return ServeRemoval(ends, tuple(app.name for app in others), config, anew)


def removal_lines(removal: ServeRemoval) -> tuple[str, ...]:
    """What ends, an application a line, and what stays."""
    lines = []
    for app in removal.ends:
        if app.status == "DELETING":
            lines.append(f"{app.name} is being deleted already")
            continue
        parts = [f"{name} ({count:,} replica{'' if count == 1 else 's'})" for name, count in app.deployments[:6]]
        if len(app.deployments) > 6:
            parts.append(f"{len(app.deployments) - 6:,} more deployments")
        lines.append(f"ends Serve application {app.name}: {', '.join(parts) or 'no deployment'}")
    kept = ", ".join(removal.keeps[:6]) + (f" and {len(removal.keeps) - 6:,} more" if len(removal.keeps) > 6 else "")
    lines.append(f"stays: {kept}" if kept else "no other application is left; Serve itself goes on")
    if removal.again:
        lines.append(f"deployed anew, since that has not succeeded yet: {', '.join(removal.again)}")
    return tuple(lines)


def _require_deletable(app: ServeApplication) -> None:
    if app.source == DECLARATIVE:
        return
    hint: Hint = "whoever has its program can delete it"
    # A command to be copied holds no name that a shell or Python would read as more than a name.
    if _PLAIN.fullmatch(app.name):
        command = f"""submit -- python -c "from ray import serve; serve.delete('{app.name}')\""""
        hint = (f"{hint}; ", Remedy("job", command, "does it"))
    if app.source:
        why = "it was deployed by serve.run, and Ray's REST API deletes only what a config deployed"
    else:
        why = "this Ray does not tell whether a config deployed it, and its REST API deletes only that"
    raise RefusedForSafety(f"{app.name} was not deleted: {why}", hint=hint, reason="NotDeclarative")


def _require_repeatable(app: ServeApplication, name: str) -> None:
    """Whether the config of one that stays may be sent again without changing it."""
    why = ""
    if app.source != DECLARATIVE or app.config is None or app.config.get("name", "default") != app.name:
        why = f"Serve does not tell the config of {app.name}, which would be deleted with it"
    elif app.scaled_outside:
        why = f"the replicas of {app.name} are set from outside, and deleting another sets them back to its config"
    if why:
        raise RefusedForSafety(
            f"{name} was not deleted: {why}", hint="apply a config without it by serve deploy", reason="NotSafe"
        )
