"""The cluster's configuration as a form: it validates while one types, with each problem under its field.

Beside a field stands what was last asked for where that is something else, or what runs where nothing was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Input, Static

from raytui.config.fields import Field
from raytui.core.errors import Problem
from raytui.core.plan import recorded_spec
from raytui.core.session import ConsoleSettings
from raytui.core.spec import ClusterSpec
from raytui.tui.keys import Key, bindings, verb_keys, written
from raytui.tui.panes.pane import Pane
from raytui.tui.render.attention import with_keys
from raytui.tui.render.spec_form import differences, fields_of, spec_of, texts_of
from raytui.tui.render.text import clean
from raytui.tui.theme import sheet
from raytui.view.picture import Picture

LABEL, LABEL_MOST = 20, 36
"""Cells of the labels: usually, and at most where groups have long names."""


def _label(field: Field) -> str:
    return f"{field.label} ({field.unit})" if field.unit else field.label


class FieldRow(Vertical):
    """One field: label, input, what there is now; its problem under it."""

    def __init__(self, field: Field, text: str, *, room: int, disabled: bool) -> None:
        """`room` is how many cells the label takes."""
        super().__init__()
        self.field = field
        self._room = room
        self.input = Input(text, compact=True, disabled=disabled, select_on_focus=True)
        self.input.cursor_blink = False
        self._beside = Static("", classes="running", markup=False)
        self._problem = Static("", classes="problem", markup=False)
        self._beside.display = self._problem.display = False
        self._shown = ("", "")

    def compose(self) -> ComposeResult:
        """Label and input in one line."""
        with Horizontal():
            label = Static(f" {_label(self.field)}", classes="label", markup=False)
            label.styles.width = self._room
            yield label
            yield self.input
            yield self._beside
        yield self._problem

    @property
    def problem(self) -> str:
        """The problem that is shown; empty when there is none."""
        return self._shown[0]

    @property
    def beside(self) -> str:
        """What is shown of what there is; empty when it is the same."""
        return self._shown[1]

    def tell(self, problem: str, beside: str) -> None:
        """Show what is wrong with the field, and what there is now in its place."""
        before, self._shown = self._shown, (problem, beside)
        if before[0] != problem:
            self._problem.update(clean(problem))
            self._problem.display = bool(problem)
            self.input.set_class(bool(problem), "-invalid")
        if before[1] != beside:
            self._beside.update(clean(beside))
            self._beside.display = bool(beside)


class ConfigPane(Pane):
    """The form. Nothing happens before its plan was shown and confirmed."""

    DEFAULT_CSS = sheet(__file__)
    BINDINGS = bindings("config")

    picture: reactive[Picture | None] = reactive(None, repaint=False)

    @dataclass
    class PlanWanted(Message):
        """Somebody wants to see the plan that leads to this spec."""

        spec: ClusterSpec
        there: ClusterSpec | None
        """What it was compared with: what was last asked for, else what runs."""
        differs: frozenset[str]
        """The fields in which they differ."""

    def __init__(self, settings: ConsoleSettings, keys: tuple[Key, ...]) -> None:
        super().__init__("Cluster configuration", id="config")
        spec = self._base = settings.cluster
        self._platform = settings.platform
        self._read_only = settings.read_only
        self._plan_key, self._verbs = written("plan", keys), verb_keys(keys)
        texts, fields = texts_of(spec, self._platform), fields_of(self._platform, spec.groups)
        room = min(LABEL_MOST, max((len(_label(field)) + 2 for field in fields), default=0))
        self._rows = {
            field.spec_field: FieldRow(field, texts[field.spec_field], room=max(LABEL, room), disabled=self._read_only)
            for field in fields
        }
        self._general = Static("", classes="problem", markup=False)
        self.spec = spec
        self.problems: list[Problem] = []
        self._refused: tuple[Problem, ...] = ()
        self._shown = ""

    def compose(self) -> ComposeResult:
        """All fields, then problems that belong to none of them."""
        yield self.rule
        with VerticalScroll(can_focus=False):
            yield from self._rows.values()
            yield self._general

    def enter(self) -> None:
        """Put the focus into the first field, or the first that has a problem."""
        first = next((row for row in self._rows.values() if row.problem), next(iter(self._rows.values())))
        first.input.focus()

    def row(self, path: str) -> FieldRow:
        """The field of a path."""
        return self._rows[path]

    def check(self) -> None:
        """Read the form again, and show problems and differences at their fields."""
        texts = {path: row.input.value for path, row in self._rows.items()}
        self.spec, self.problems = spec_of(texts, self._base, self._platform)
        self.problems += [problem for problem in self._refused if problem not in self.problems]
        word, there = self._there()
        differ = differences(self.spec, there, self._platform)
        by_field: dict[str, str] = {}
        for problem in self.problems:
            by_field.setdefault(
                problem.field,
                problem.message + (f"; {with_keys(problem.hint, self._verbs)}" if problem.hint else ""),
            )
        for path, row in self._rows.items():
            row.tell(by_field.pop(path, ""), f"{word} {differ[path]}" if path in differ else "")
        sentence = clean("; ".join(by_field.values()))
        if sentence != self._shown:
            # Another text lays the whole screen out anew.
            self._shown = sentence
            self._general.update(sentence)
        self._general.display = bool(by_field)
        self.rule.tell(state=self._state(there, word, differ), state_role="error" if self.problems else "muted")

    def refuse(self, problems: Sequence[Problem]) -> None:
        """Show what the platform found wrong with the spec, until it is edited."""
        self._refused = tuple(problems)
        self.check()

    def _there(self) -> tuple[str, ClusterSpec | None]:
        """What the form is compared with, and the word for it.

        What was last asked for, else what the applications were made from.
        """
        if self.picture is None or not self.picture.known.applications.value:
            return "runs", None
        asked = self.picture.snapshot.asked.value
        if asked is not None:
            return "asked", asked
        return "runs", recorded_spec(self.picture.known.applications.value)

    def _state(self, there: ClusterSpec | None, word: str, differ: Mapping[str, str]) -> str:
        if self.problems:
            return f"{len(self.problems)} problem" + ("s" if len(self.problems) > 1 else "")
        if there is None:
            return "read-only" if self._read_only else f"{self._plan_key} plans a start"
        if word == "asked":
            return f"{len(differ)} differ from what was asked for" if differ else "as it was asked for"
        return f"{len(differ)} differ from what runs" if differ else "as it runs"

    @on(events.Mount)
    def _mounted(self) -> None:
        self.check()

    def _watch_picture(self, before: Picture | None, after: Picture | None) -> None:
        if self.is_mounted and (before is None or after is None or _compared(before) != _compared(after)):
            self.check()

    @on(Input.Changed)
    def _typed_into(self, message: Input.Changed) -> None:
        message.stop()
        self._refused = ()
        self.check()

    @on(Input.Submitted)
    def _entered_text(self, message: Input.Submitted) -> None:
        message.stop()
        self._action_plan()

    def _action_plan(self) -> None:
        self._refused = ()
        self.check()
        if self.problems:
            self.enter()
        else:
            _, there = self._there()
            differs = frozenset(differences(self.spec, there, self._platform))
            self.post_message(self.PlanWanted(self.spec, there, differs))

    def _action_reset(self) -> None:
        texts = texts_of(self._base, self._platform)
        for path, row in self._rows.items():
            row.input.value = texts[path]


def _compared(picture: Picture) -> tuple[object, ...]:
    """What of a picture the form is compared with."""
    return picture.known.applications.value, picture.snapshot.asked.value
