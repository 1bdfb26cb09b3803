"""What can be asked of a Ray dashboard, by name: lists say what they need, and a monitor asks what somebody looks at."""

from __future__ import annotations

from typing import Literal

Question = Literal["version", "gcs", "nodes", "stats", "usage", "jobs", "actors", "serve", "events"]
