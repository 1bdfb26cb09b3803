"""A list that is watched: redrawn in place on a terminal, printed anew elsewhere whenever what it shows has changed."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from contextlib import aclosing
from typing import Generic, TypeVar

import msgspec

from raytui.cli.invocation import Invocation
from raytui.cli.listed import Shown, answer, document, journal_of, nothing, select, tell_missing, text
from raytui.cli.view import verdict_line
from raytui.core.errors import NotAllowed, RaytuiError
from raytui.core.observed.snapshot import Reading
from raytui.core.presence import require_cluster
from raytui.view.picture import Picture, advance
from raytui.view.tables.kind import Query

T = TypeVar("T")


def follow(invocation: Invocation, query: Query[T], most: int) -> int:
    """Print the list and its changes until Ctrl-C or until nobody reads it any more."""
    settings = invocation.settings()
    session = invocation.session(settings, long_lived=True)
    kind, printed = query.kind, PrintedList(invocation, query, most)

    async def run() -> int:
        picture: Picture | None = None
        async with session, aclosing(session.monitor.snapshots(settings.refresh, kind.needs)) as snapshots:
            async for snapshot in snapshots:
                picture = advance(picture, snapshot)
                if kind.with_journal:
                    # Read at each round: somebody may change the cluster while the list is watched.
                    journal = await asyncio.to_thread(journal_of, settings)
                    printed.show(msgspec.structs.replace(picture, events=(*journal, *picture.events)))
                else:
                    printed.show(picture)
        return 0

    return asyncio.run(run())


class PrintedList(Generic[T]):
    """A watched list as it is printed, again whenever it changed."""

    def __init__(self, invocation: Invocation, query: Query[T], most: int) -> None:
        self._invocation = invocation
        self._query = query
        self._most = most
        self._before: list[tuple[str, ...]] | None = None
        self._trouble = ""
        self._drawn = False

    def show(self, picture: Picture) -> None:
        """Show one picture.

        Raises `NotAllowed` when the key was refused, `BrokenPipeError` when the reader has left.
        """
        output = self._invocation.output
        output.check_reader()
        try:
            require_cluster(picture.snapshot, must_exist=not self._query.kind.of_platform)
            reading = answer(picture, self._query.kind)
        except NotAllowed:
            raise
        except RaytuiError as error:
            self._show_trouble(picture, error.message)
            return
        shown = select(self._query, picture, reading, self._most)
        if output.in_place:
            self._draw(
                picture, text(self._query, shown, output) if shown.lines else [nothing(self._query, picture, shown)]
            )
        elif self._is_new(shown):
            self._print(picture, reading, shown)
        self._trouble = ""

    def _is_new(self, shown: Shown[T]) -> bool:
        """Whether a cell reads otherwise than before. Spans of time grow by themselves, which is no change."""
        places = [self._query.kind.place(column) for column in self._query.columns if not column.is_span]
        cells = [tuple(line[place].text for place in places) for line in shown.lines]
        before, self._before = self._before, cells
        return cells != before

    def _print(self, picture: Picture, reading: Reading[Sequence[object]], shown: Shown[T]) -> None:
        output = self._invocation.output
        if output.json:
            output.record(document(self._query, picture, reading, shown))
        else:
            gap = [""] if self._drawn else []
            lines = text(self._query, shown, output) if shown.lines else [nothing(self._query, picture, shown)]
            output.lines([*gap, *lines])
            output.flush()
        self._drawn = True
        tell_missing(self._invocation, self._query, reading, shown)

    def _draw(self, picture: Picture, lines: list[str]) -> None:
        """The verdict and the list, cut to the terminal."""
        output, (width, height) = self._invocation.output, shutil.get_terminal_size()
        room = max(1, height - 4)
        if len(lines) > room:
            lines = [*lines[:room], f"… {len(lines) - room:,} more"]
        head = verdict_line(picture.snapshot, picture.assessment, picture.snapshot.observed_at, output.paint)
        output.draw([head, "", *lines], width)

    def _show_trouble(self, picture: Picture, message: str) -> None:
        if self._invocation.output.in_place:
            self._draw(picture, [message])
        elif message != self._trouble:
            self._invocation.diagnostics.warning(message)
        self._trouble = message
