"""The whole story of what needs attention, over the panes: what is known at once, the rest as it is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from raytui.core.condition import Condition
from raytui.core.session import Session
from raytui.core.stories import Story
from raytui.tui.render.attention import with_keys
from raytui.tui.render.story import story_lines
from raytui.tui.render.text import Line, wrap
from raytui.tui.screens.dialog import Dialog
from raytui.tui.stories import read_story
from raytui.view.picture import Picture

LOG = "log"


class StoryScreen(Dialog):
    """Answers `log` when the operator wants the log that tells of it."""

    def __init__(self, condition: Condition, keys: Mapping[str, str], clock: Callable[[], float], log: str) -> None:
        """`log` is the log that tells of it; empty where none does."""
        more = [(LOG, f"Log of {log}"[:30], "plain")] if log else []
        super().__init__("What happened", [("close", "Close", "plain"), *more])
        self._condition = condition
        self._keys = keys
        self._clock = clock
        self._story: Story | None = None
        self._said = "asking for all that tells of it"

    def lines(self, width: int) -> Sequence[Line]:
        """The story; while it is asked for, and where nothing more is known, the condition itself."""
        if self._story is not None:
            return story_lines(self._story, width, self._clock(), self._keys)
        condition = self._condition
        texts = (
            (f"{condition.subject}: {condition.message}", ""),
            (with_keys(condition.hint, self._keys, condition.subject), "accent"),
            (self._said, "muted"),
        )
        return [((line, role),) for text, role in texts if text for line in wrap(text, width, 20)]

    async def ask(self, session: Session, picture: Picture) -> None:
        """Ask for the story and show it; raises why it cannot be known."""
        self._story = await read_story(session, picture, self._condition.subject)
        self.draw()

    def say(self, sentence: str) -> None:
        """Say why nothing more is known."""
        self._said = sentence
        self.draw()
