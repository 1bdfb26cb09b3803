"""The flags that say how large a cluster is and what it runs on.

Every verb that makes or checks a spec takes the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import click

from raytui.cli.invocation import whole_number
from raytui.config.fields import BOTH_RUNTIMES, BY_PATH, Field
from raytui.core.desired.asked import part_of
from raytui.core.desired.validate import MAX_WORKERS
from raytui.core.errors import ConfigurationError, Problem
from raytui.core.spec import WORKER

SIZES = (
    "cluster.workers.count",
    "cluster.workers.cpu",
    "cluster.workers.memory",
    "cluster.workers.gpus",
    "cluster.workers.accelerator",
    "cluster.head.cpu",
    "cluster.head.memory",
    "cluster.shared_memory",
    "cluster.head.runtime_identifier",
    "cluster.workers.runtime_identifier",
)
PLACES = (
    "cluster.head.script",
    "cluster.workers.script",
    "cluster.ray_port",
    "cluster.dashboard_port",
    "cluster.expose_dashboard",
)
_WORDS = {"port": "N|auto", "text": "ID", "path": "PATH"}
_SHOWN = {"cluster.workers.accelerator": "LABEL"}


def size_options(command: Callable[..., int]) -> Callable[..., int]:
    """How many, how large, which images.

    The values stay text: they are checked together with everything else, not one by one.
    """
    return _options((*(BY_PATH[path] for path in SIZES), BOTH_RUNTIMES), command)


def spec_options(command: Callable[..., int]) -> Callable[..., int]:
    """The same, and where the scripts and ports are."""
    return size_options(_options(tuple(BY_PATH[path] for path in PLACES), command))


def _options(fields: tuple[Field, ...], command: Callable[..., int]) -> Callable[..., int]:
    for field in reversed(fields):
        is_script = field.path.endswith(".script")
        # The library's parameters are named head_script_path and worker_script_path: their names work here too.
        names = (field.flag, f"{field.flag}-path") if is_script else (field.flag,)
        place, meaning = field.path.replace(".", "__"), field.meaning
        if field.kind == "switch":
            command = click.option(*names, place, help=meaning, default=None, flag_value="true")(command)
        else:
            metavar = _SHOWN.get(field.path) or ("PATH" if is_script else _WORDS.get(field.kind, "N"))
            command = click.option(*names, place, help=meaning, default=None, metavar=metavar)(command)
    return command


def size_flags(given: Mapping[str, object]) -> dict[str, object]:
    """What was given, by the paths of the settings."""
    return {name.replace("__", "."): value for name, value in given.items() if value is not None}


def spec_fields(flags: dict[str, object], groups: Iterable[str]) -> frozenset[str]:
    """The fields of the spec that flags set, by their paths; `--runtime-identifier` sets the images of all groups."""
    tables = ("head", *(part_of(group) for group in groups))
    both = {f"cluster.{table}.runtime_identifier" for table in tables} if BOTH_RUNTIMES.path in flags else set()
    named = {path for path in flags if path.startswith("cluster.") and path not in {BOTH_RUNTIMES.path, "cluster.name"}}
    return frozenset(path.removeprefix("cluster.") for path in named | both)


def worker_numbers(given: tuple[str, ...]) -> dict[str, int]:
    """The number of workers by group; raises `ConfigurationError` with everything that is wrong."""
    numbers: dict[str, int] = {}
    problems: list[Problem] = []
    for text in given:
        group, equals, number = text.rpartition("=")
        if equals and not group:
            problems.append(Problem("groups", f"{text!r} names no group", "write GROUP=N, or N for the group worker"))
            continue
        group = group or WORKER
        field = "workers" if group == WORKER else f"groups.{group}"
        if group in numbers:
            problems.append(Problem(field, f"{group} is given twice", "give each group one number"))
            continue
        try:
            numbers[group] = whole_number(field, number, 0, high=MAX_WORKERS)
        except ConfigurationError as error:
            problems += error.problems or [Problem(field, error.message, error.hint)]
            numbers[group] = 0
    if problems:
        raise ConfigurationError.from_problems(problems)
    return numbers
