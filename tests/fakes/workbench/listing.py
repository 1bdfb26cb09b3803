"""What lists and gets show of applications: with `list_lag` not what exists, but what existed so many seconds ago.

Calls that name an application by its id (stop, restart, delete, update) reach what exists, shown or not.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .model import Application
    from .state import Workbench


@dataclass(frozen=True)
class Gone:
    """An application that no longer exists, as the lists go on showing it."""

    project_id: str
    row: dict[str, Any]
    shown_from: float
    shown_until: float


class Listing:
    """The applications as they are shown. The lag of the moment of a create or delete is the one that counts for it."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._gone: list[Gone] = []

    def made(self, application: Application) -> None:
        """Show a new application when the lag is over."""
        application.shown_from = self._now() + self._bench.faults.list_lag

    def removed(self, application: Application) -> None:
        """Go on showing one that is gone until the lag is over."""
        if self._bench.faults.list_lag:
            until = self._now() + self._bench.faults.list_lag
            self._gone.append(Gone(application.project_id, application.to_json(), application.shown_from, until))

    def rows(self, project_id: str) -> list[dict[str, Any]]:
        """The entries of a project's list."""
        now = self._now()
        self._gone = [gone for gone in self._gone if gone.shown_until > now]
        living = [
            app.to_json()
            for app in self._bench.applications.values()
            if app.project_id == project_id and app.shown_from <= now
        ]
        return living + [gone.row for gone in self._gone if gone.project_id == project_id and gone.shown_from <= now]

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
