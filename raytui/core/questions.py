"""The questions that a dashboard can be asked, by the names under which a snapshot keeps the answers."""

from __future__ import annotations

from typing import Literal

Question = Literal["version", "gcs", "nodes", "stats", "usage", "jobs", "actors", "serve", "events"]
"""`stats` are the nodes' physical figures, which a snapshot holds within its nodes; the others are readings."""
