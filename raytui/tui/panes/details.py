"""Why what a row is about ended, and all its fields as its document has them; or that document itself, as JSON.

They are kept up to date while the row exists, and stay when it is gone.
"""

from __future__ import annotations

from textual import events, on
from textual.app import ComposeResult

from raytui.core.report import Document
from raytui.tui.panes.attention import Scroll
from raytui.tui.panes.pane import Pane
from raytui.tui.render.listing import Kind, detail_lines, raw_lines
from raytui.tui.render.text import clean
from raytui.tui.theme import sheet
from raytui.view.picture import Picture
from raytui.view.stories import story_fields


class DetailsPane(Pane):
    """The fields of the row of one key."""

    DEFAULT_CSS = sheet(__file__)

    def __init__(self, kind: Kind, close_key: str) -> None:
        super().__init__("Details", id="details")
        self.body = Scroll()
        self.is_raw = False
        """Whether the document is shown as JSON."""
        self._kind = kind
        self._close_key = close_key
        self._key = ""
        self._story: Document = {}
        self._document: Document = {}
        self._gone = False

    def compose(self) -> ComposeResult:
        """The title and the fields."""
        yield self.rule
        yield self.body

    @property
    def key(self) -> str:
        """Key of the row whose fields are shown."""
        return self._key

    @property
    def text(self) -> str:
        """What is shown, whole, as it is to be pasted elsewhere."""
        lines = raw_lines(self._document) if self.is_raw else detail_lines({**self._story, **self._document}, 10_000)
        return "\n".join("".join(text for text, _ in line).strip("\n").rstrip().removeprefix("   ") for line in lines)

    def open(self, key: str, picture: Picture) -> None:
        """Show the row of this key."""
        self._key, self._story, self._document, self._gone = key, {}, {}, False
        self.body.scroll_to(y=0, animate=False)
        self.follow(picture)
        self.body.focus()

    def show_raw(self, raw: bool) -> None:
        """Show the document as JSON, or its fields."""
        self.is_raw = raw
        self.body.scroll_to(y=0, animate=False)
        self.draw()

    def follow(self, picture: Picture) -> None:
        """Show what the row holds now."""
        kind = self._kind
        row = next((row for row in kind.rows(picture) if kind.key(row) == self._key), None)
        self._gone = row is None
        if row is not None:
            self._story, self._document = story_fields(row, picture), kind.document(row, picture)
        self.draw()

    def draw(self) -> None:
        """Show the fields."""
        if self._key:
            width = self.size.width or self.app.size.width
            fields = {**self._story, **self._document}
            lines = (
                raw_lines(self._document, width, muted=self._gone)
                if self.is_raw
                else detail_lines(fields, width, muted=self._gone)
            )
            self.body.show(lines)
            state = "no longer listed" if self._gone else f"{self._close_key} closes"
            title = f"{'JSON' if self.is_raw else 'Details'} · {clean(self._key)}"
            self.rule.tell(title, state, state_role="warn" if self._gone else "muted")

    @on(events.Resize)
    def _resized(self) -> None:
        self.draw()
