"""A job to submit: its command, the folder that is sent along, and its environment."""

from __future__ import annotations

import shlex
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from raytui.core.errors import ConfigurationError, Problem
from raytui.core.job_request import job_request
from raytui.core.session import JobRequest
from raytui.system.files import at_home
from raytui.tui.render.text import clean, wrap
from raytui.tui.screens.dialog import WIDTHS
from raytui.tui.theme import sheet
from raytui.tui.widgets.lines import LineView
from raytui.tui.widgets.rule import PaneRule

_FIELDS = (
    ("command", "Command", "python train.py"),
    ("folder", "Working dir", "a folder of this machine, sent along; may be empty"),
    ("env", "Environment", "NAME=VALUE NAME=VALUE; may be empty"),
)


class JobFormScreen(ModalScreen[JobRequest | None]):
    """Answers the job to submit; none when it was left."""

    DEFAULT_CSS = sheet(__file__)
    HORIZONTAL_BREAKPOINTS = WIDTHS
    AUTO_FOCUS = "#command"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Cancel", show=False)]

    def __init__(self) -> None:
        super().__init__()
        self.problems = LineView(id="problems")

    def compose(self) -> ComposeResult:
        """Title, fields, what is wrong with them, choices."""
        with Vertical(id="form"):
            yield PaneRule("Submit a job")
            for identity, label, hint in _FIELDS:
                with Horizontal(classes="row"):
                    yield Static(label, classes="label", markup=False)
                    field = Input(id=identity, placeholder=hint, compact=True)
                    field.cursor_blink = False
                    yield field
            yield self.problems
            with Horizontal(id="choices"):
                yield Static("tab moves  enter submits  esc leaves", id="form-keys", markup=False)
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Submit", id="send", compact=True)

    @on(events.Mount)
    def _mounted(self) -> None:
        self.query_one(PaneRule).activate(True)
        self.problems.display = False

    def request(self) -> JobRequest:
        """The job as the fields have it; raises `ConfigurationError` with everything that is wrong."""
        command, folder, env = (self.query_one(f"#{identity}", Input).value for identity, _, _ in _FIELDS)
        problems: list[Problem] = []
        variables: list[str] = []
        try:
            variables = shlex.split(env)
        except ValueError:
            problems.append(Problem("env", "a quote is opened and never closed", "close it"))
        place = str(at_home(folder.strip())) if folder.strip() else ""
        try:
            made = job_request(command.strip(), place, variables)
        except ConfigurationError as error:
            raise ConfigurationError.from_problems([*error.problems, *problems]) from None
        if problems:
            raise ConfigurationError.from_problems(problems)
        return made

    @on(Input.Submitted)
    def _entered(self, message: Input.Submitted) -> None:
        message.stop()
        self._send()

    @on(Button.Pressed)
    def _chosen(self, message: Button.Pressed) -> None:
        message.stop()
        if message.button.id == "send":
            self._send()
        else:
            self.dismiss(None)

    def _send(self) -> None:
        try:
            self.dismiss(self.request())
        except ConfigurationError as error:
            width = min(70, self.app.size.width - 8)
            said = [f"{problem.field}: {problem.message}; {problem.hint}" for problem in error.problems]
            self.problems.show([((line, "error"),) for text in said for line in wrap(clean(text), width)])
            self.problems.display = True

    def _action_leave(self) -> None:
        self.dismiss(None)
