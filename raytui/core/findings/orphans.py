"""Which applications of ours nothing claims.

They cost until somebody ends them, so they must be findable without knowing their names.
"""

from __future__ import annotations

from collections.abc import Iterable

from raytui.core.observed.snapshot import Application


def orphans(applications: Iterable[Application]) -> tuple[Application, ...]:
    """Applications whose cluster has no head application, in the order given."""
    listed = tuple(applications)
    headed = {app.cluster for app in listed if app.role == "head"}
    return tuple(app for app in listed if app.cluster not in headed)
