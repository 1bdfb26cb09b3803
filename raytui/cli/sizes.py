"""The flags that say how large a cluster is and what it runs on.

Every verb that makes or checks a spec takes the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import click

from raytui.config.fields import BOTH_RUNTIMES, BY_PATH, Field

SIZES = (
    "cluster.workers.count",
    "cluster.workers.cpu",
    "cluster.workers.memory",
    "cluster.workers.gpus",
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
        place, told = field.path.replace(".", "__"), field.meaning
        if field.kind == "switch":
            command = click.option(*names, place, help=told, default=None, flag_value="true")(command)
        else:
            metavar = "PATH" if is_script else _WORDS.get(field.kind, "N")
            command = click.option(*names, place, help=told, default=None, metavar=metavar)(command)
    return command


def size_flags(given: Mapping[str, object]) -> dict[str, object]:
    """What was given, by the paths of the settings."""
    return {name.replace("__", "."): value for name, value in given.items() if value is not None}


def spec_fields(flags: dict[str, object]) -> frozenset[str]:
    """The fields of the spec that flags set, by their paths; `--runtime-identifier` sets both images."""
    both = (
        {"cluster.head.runtime_identifier", "cluster.workers.runtime_identifier"}
        if BOTH_RUNTIMES.path in flags
        else set()
    )
    named = {path for path in flags if path.startswith("cluster.") and path not in {BOTH_RUNTIMES.path, "cluster.name"}}
    return frozenset(path.removeprefix("cluster.") for path in named | both)
