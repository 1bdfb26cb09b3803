"""One call of the command line: the global options, given before or after the verb, and what follows from them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from raytui.cli.diagnostics import Diagnostics
from raytui.cli.output import Output
from raytui.config.settings import load
from raytui.core.desired.validate import validate
from raytui.core.errors import ConfigurationError, OperationFailed, Problem

if TYPE_CHECKING:
    from raytui.cli.paint import ColorChoice
    from raytui.config.settings import Settings
    from raytui.core.session import Session

Console = Callable[["Settings"], int]
"""Opens the console and answers its exit code; handed in by `raytui.__main__`: the command line knows no screen."""


class Invocation:
    """What was asked for beside the verb.

    Options set themselves while they are parsed; streams are opened when they are first used.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console
        self.profile: str | None = None
        self.config: str | None = None
        self.project: str | None = None
        self.cluster: str | None = None
        self.address: str | None = None
        self.read_only: str | None = None
        self.notify: str | None = None
        self.bell: str | None = None
        self.form: Literal["text", "json"] = "text"
        self.color: ColorChoice = "auto"
        self.verbosity = 0
        self._output: Output | None = None
        self._diagnostics: Diagnostics | None = None

    @property
    def output(self) -> Output:
        """The standard output."""
        if self._output is None or self._output.json != (self.form == "json"):
            self._output = Output(json=self.form == "json", color=self.color)
        return self._output

    @property
    def diagnostics(self) -> Diagnostics:
        """The standard error output."""
        if self._diagnostics is None:
            self._diagnostics = Diagnostics(color=self.color, verbosity=self.verbosity)
        return self._diagnostics

    def settings(self, flags: Mapping[str, object] | None = None) -> Settings:
        """The effective settings with the verb's own flags; raises `ConfigurationError` with every problem."""
        given = {
            "profile": self.profile,
            "config": self.config,
            "project_id": self.project,
            "cluster.name": self.cluster,
            "address": self.address,
            "read_only": self.read_only,
            "notify": self.notify,
            "bell": self.bell,
            **(flags or {}),
        }
        return load(given, os.environ, working_directory())

    def session(self, settings: Settings, *, long_lived: bool = False, check_name: bool = True) -> Session:
        """A session on the settings' platform; raises `ConfigurationError` when it could not even be asked.

        `check_name` is off where the whole spec is validated anyway and all its problems should come together.
        """
        from raytui import bootstrap

        problems = bootstrap.access_problems(settings)
        if check_name:
            problems += [
                problem for problem in validate(settings.cluster, settings.platform) if problem.field == "name"
            ]
        if problems:
            raise ConfigurationError.from_problems(problems, f"profile {settings.profile_name}")
        return bootstrap.open_session(bootstrap.with_project(settings), long_lived=long_lived)


def whole_number(field: str, text: str | None, default: int, *, low: int = 0, high: int = 10_000_000) -> int:
    """A flag's whole number; raises `ConfigurationError` that names the flag."""
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError:
        number = None
    if number is None or not low <= number <= high:
        raise ConfigurationError.from_problems(
            [Problem(field, f"{_short(text)!r} is not a whole number from {low} to {high}")]
        )
    return number


def seconds(field: str, text: str | None, default: float | None) -> float | None:
    """A flag's time in seconds, more than 0; raises `ConfigurationError` that names the flag."""
    if text is None:
        return default
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 604_800:
        raise ConfigurationError.from_problems(
            [
                Problem(
                    field,
                    f"{_short(text)!r} is not a number of seconds above 0 and up to 604800 (a week)",
                    f"for example --{field} 600",
                )
            ]
        )
    return number


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


def working_directory() -> Path:
    """Where we are; raises `OperationFailed` when that folder is gone."""
    try:
        return Path.cwd()
    except OSError as error:
        raise OperationFailed(
            "the working directory no longer exists", hint="cd to another one", reason="WorkingDirectory"
        ) from error
