"""The question before Serve applications are deleted: what ends with them. Cancel has the focus."""

from __future__ import annotations

from collections.abc import Sequence

from raytui.core.serve import ServeRemoval, removal_lines
from raytui.core.session import ConsoleSettings
from raytui.tui.render.text import Line, clean, wrap
from raytui.tui.screens.dialog import Dialog

DELETE = "delete"


class DeleteServeScreen(Dialog):
    """Answers `DELETE` when they are to be deleted."""

    def __init__(self, removal: ServeRemoval, settings: ConsoleSettings) -> None:
        """In production the name of the cluster is typed."""
        one = len(removal.ends) == 1
        what = f"Serve application {clean(removal.ends[0].name)}" if one else f"{len(removal.ends)} Serve applications"
        label = "Delete it" if one else f"Delete {len(removal.ends)}"
        typed = settings.cluster.name if settings.production else ""
        super().__init__(f"Delete {what}?", [("cancel", "Cancel", "plain"), (DELETE, label, "danger")], typed)
        self._removal = removal

    def lines(self, width: int) -> Sequence[Line]:
        """What ends, and what stays."""
        lines: list[Line] = []
        for text in removal_lines(self._removal):
            role = "error" if text.startswith("ends ") else "muted"
            lines += [((line, role),) for line in wrap(text, width)]
        note = "Each replica finishes its requests within its own time; nothing brings them back but a new deploy."
        return (*lines, *(((line, "muted"),) for line in wrap(note, width)))
