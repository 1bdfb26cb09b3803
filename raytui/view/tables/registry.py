"""Every list of the product; a new list is its file and one line here."""

from __future__ import annotations

from typing import Any

from raytui.view.tables.actors import ACTORS
from raytui.view.tables.applications import APPLICATIONS
from raytui.view.tables.bundles import BUNDLES
from raytui.view.tables.clusters import CLUSTERS
from raytui.view.tables.conditions import CONDITIONS
from raytui.view.tables.events import EVENTS
from raytui.view.tables.jobs import JOBS
from raytui.view.tables.kind import TableKind
from raytui.view.tables.nodes import NODES
from raytui.view.tables.placement_groups import PLACEMENT_GROUPS
from raytui.view.tables.projects import PROJECTS
from raytui.view.tables.replicas import REPLICAS
from raytui.view.tables.runtimes import RUNTIMES
from raytui.view.tables.serve import SERVE
from raytui.view.tables.task_summary import TASK_SUMMARY
from raytui.view.tables.tasks import TASKS
from raytui.view.tables.usage import USAGE
from raytui.view.tables.workers import WORKERS

TABLES: dict[str, TableKind[Any]] = {
    kind.name: kind
    for kind in (
        NODES,
        APPLICATIONS,
        JOBS,
        TASKS,
        TASK_SUMMARY,
        ACTORS,
        PLACEMENT_GROUPS,
        BUNDLES,
        WORKERS,
        SERVE,
        REPLICAS,
        EVENTS,
        CONDITIONS,
        USAGE,
        CLUSTERS,
    )
}
"""By name, in the order in which help and console list them. Any: each kind has rows of its own type."""
OF_WORKBENCH: dict[str, TableKind[Any]] = {kind.name: kind for kind in (PROJECTS, RUNTIMES)}
"""Those whose rows are of no cluster: verbs of the command line, while the console shows a cluster's."""


def every_table() -> dict[str, TableKind[Any]]:
    """Both, by name."""
    return {**TABLES, **OF_WORKBENCH}
