"""What may be submitted as a job: checked once for the command line and the console, before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Sequence

from raytui.core.errors import ConfigurationError, Problem
from raytui.core.session import JobRequest

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")


def job_request(
    entrypoint: str, working_dir: str = "", variables: Sequence[str] = (), identity: str = ""
) -> JobRequest:
    """The job that is asked for; `variables` are NAME=VALUE.

    Raises `ConfigurationError` with all that is wrong, by the fields `command`, `env` and `id`.
    """
    problems: list[Problem] = []
    if not entrypoint.strip():
        problems.append(Problem("command", "no command is named", "for example python train.py"))
    environment: dict[str, str] = {}
    for pair in variables:
        name, equals, value = pair.partition("=")
        if not equals or not _NAME.fullmatch(name):
            problems.append(Problem("env", f"{pair[:40]!r} is no NAME=VALUE", "for example BATCH=64"))
        environment[name] = value
    if identity and not _ID.fullmatch(identity):
        problems.append(Problem("id", f"{identity[:40]!r} is no id", "use letters, digits, _, - and ., 128 at most"))
    if problems:
        raise ConfigurationError.from_problems(problems, "the job")
    return JobRequest(entrypoint, identity, working_dir, environment)
