"""What needs someone now, and on request or where there is room, what changed lately."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from raytui.core.condition import Condition
from raytui.tui.keys import bindings
from raytui.tui.operation import Notice
from raytui.tui.panes.pane import Pane
from raytui.tui.render.attention import Entry, attention_entries, attention_title, event_lines, events_since, marked
from raytui.tui.render.text import clock
from raytui.tui.theme import sheet
from raytui.tui.widgets.lines import LineView
from raytui.view.picture import Picture


class Scroll(LineView, can_focus=True):
    """Lines that can be scrolled by keyboard."""


class Entries(Scroll):
    """Entries of several lines each, one of them under the cursor, which keeps to its condition."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("home,g", "move(-10000)", "First", show=False),
        Binding("end,G", "move(10000)", "Last", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._entries: tuple[Entry, ...] = ()
        self._cursor = ("", "")

    @property
    def condition(self) -> Condition | None:
        """The condition under the cursor; the first one while nobody has moved it."""
        conditions = [entry.condition for entry in self._entries if entry.condition is not None]
        chosen = (one for one in conditions if (one.subject, one.reason) == self._cursor)
        return next(chosen, conditions[0] if conditions else None)

    def tell(self, entries: tuple[Entry, ...]) -> None:
        """Show these entries."""
        self._entries = entries
        self.can_focus = bool(entries)
        self._draw()

    def _draw(self) -> None:
        here = self.condition if self.has_focus else None
        lines = []
        for entry in self._entries:
            first, *rest = entry.lines
            lines += [marked(first) if here is not None and entry.condition is here else first, *rest]
        self.show(lines)

    def watch_has_focus(self, _has_focus: bool) -> None:
        """The cursor is seen while the entries have the focus."""
        super().watch_has_focus(_has_focus)
        self._draw()

    def _action_move(self, by: int) -> None:
        conditions = [(n, entry.condition) for n, entry in enumerate(self._entries) if entry.condition is not None]
        if not conditions:
            self.scroll_relative(y=by, animate=False)
            return
        place = next(at for at, (_, one) in enumerate(conditions) if one is self.condition)
        n, chosen = conditions[max(0, min(len(conditions) - 1, place + by))]
        self._cursor = (chosen.subject, chosen.reason)
        self._draw()
        top = sum(len(entry.lines) for entry in self._entries[:n])
        bottom, height = top + len(self._entries[n].lines), max(1, self.scrollable_content_region.height)
        if top < self.scroll_offset.y or n == 0:
            self.scroll_to(y=top, animate=False)
        elif bottom > self.scroll_offset.y + height:
            self.scroll_to(y=min(top, bottom - height), animate=False)


class AttentionPane(Pane):
    """Conditions, worst first; the console's own last word above them."""

    DEFAULT_CSS = sheet(__file__)
    BINDINGS = bindings("attention")

    picture: reactive[Picture | None] = reactive(None, repaint=False)
    notice: reactive[Notice | None] = reactive(None, repaint=False)

    @dataclass
    class StoryWanted(Message):
        """Somebody wants the whole story of a condition."""

        condition: Condition

    @dataclass
    class LogWanted(Message):
        """Somebody wants the log that tells of a condition."""

        condition: Condition

    def __init__(self, verbs: Mapping[str, str]) -> None:
        """`verbs` gives the key of each verb as it is written."""
        super().__init__("Needs attention", id="attention")
        self._verbs = verbs
        self.body = Entries()

    def compose(self) -> ComposeResult:
        """The title and the conditions."""
        yield self.rule
        yield self.body

    def draw(self) -> None:
        """Show what is wrong; without anything the pane is its title only."""
        width = (self.size.width or self.app.size.width) - 1
        self.body.tell(attention_entries(self.picture, self.notice, width, self._verbs))
        calm = self.picture is not None and not self.picture.assessment.conditions
        worst = self.picture.assessment.conditions[0].severity if self.picture and not calm else "info"
        role = {"error": "error", "warning": "warn"}.get(worst, "muted" if calm else "")
        self.rule.tell(attention_title(self.picture), title_role=role)

    def _watch_picture(self) -> None:
        self.draw()

    def _watch_notice(self) -> None:
        self.draw()

    @on(events.Resize)
    def _resized(self) -> None:
        self.draw()

    def _action_story(self) -> None:
        if self.body.condition is not None:
            self.post_message(self.StoryWanted(self.body.condition))

    def _action_cause_log(self) -> None:
        if self.body.condition is not None:
            self.post_message(self.LogWanted(self.body.condition))


class EventsPane(Pane):
    """What changed, newest first."""

    DEFAULT_CSS = sheet(__file__)

    picture: reactive[Picture | None] = reactive(None, repaint=False)
    seen_until: reactive[float] = reactive(0.0, repaint=False)
    """When somebody last looked before now; 0 when nobody went away."""

    def __init__(self) -> None:
        super().__init__("Events", id="events")
        self.body = Scroll()

    def compose(self) -> ComposeResult:
        """The title and the events."""
        yield self.rule
        yield self.body

    def draw(self) -> None:
        """Show the events of the picture."""
        width = (self.size.width or self.app.size.width) - 1
        lines = event_lines(self.picture, width, seen_until=self.seen_until)
        self.body.show(lines or ((("   nothing has changed since this console was opened", "muted"),),))
        new = events_since(self.picture, self.seen_until) if self.seen_until else 0
        self.rule.tell("Events", f"{new} new since {clock(self.seen_until)}, when you last looked" if new else "")

    def _watch_picture(self) -> None:
        self.draw()

    def _watch_seen_until(self) -> None:
        self.draw()

    @on(events.Resize)
    def _resized(self) -> None:
        self.draw()
