"""The questions that can be asked about a cluster, by the names under which a snapshot keeps the answers."""

from __future__ import annotations

from typing import Literal

Question = Literal[
    "version",
    "gcs",
    "nodes",
    "stats",
    "usage",
    "jobs",
    "actors",
    "serve",
    "events",
    "tasks",
    "task_counts",
    "placement_groups",
    "ray_workers",
    "holdings",
]
"""All are put to the dashboard, but for `holdings`, which the platform answers. `stats` are the nodes' physical
figures, which a snapshot holds within its nodes; each other one is a reading of its own."""
OF_PLATFORM: frozenset[Question] = frozenset({"holdings"})
"""The questions that the platform answers."""
