"""The configuration file: where it is looked for, what it holds, and all that is wrong with it, with the place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from raytui.config import keys, paths
from raytui.config.fields import BY_PATH, FIELDS, GROUPS, WORKERS, Value
from raytui.config.values import describe, from_toml
from raytui.core.desired.validate import group_name_problem
from raytui.core.errors import ConfigurationError, Problem
from raytui.core.remedy import Hint, Remedy
from raytui.core.secret import mask
from raytui.system.files import read_bounded

MAX_BYTES = 1_000_000
"""A file longer than this is no configuration."""
PIPE_SECONDS = 5.0
"""How long a pipe that is named as the configuration may take to give it."""
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_TWICE = re.compile(r"Cannot declare \((.+)\) twice")
_TABLES = {field.path.rpartition(".")[0] for field in FIELDS} - {""} | {"cluster", GROUPS}


class ConfigFile(msgspec.Struct, frozen=True):
    """What a configuration file says, already of the right types; values by the paths of the table of fields."""

    path: Path
    default_profile: str = ""
    profiles: dict[str, dict[str, Value]] = {}
    groups: dict[str, tuple[str, ...]] = {}
    """Names of the further groups of workers, by profile: a group may say nothing but its name."""
    keys: dict[str, str] = {}
    """Keys of one's own, by their ids."""
    problems: tuple[Problem, ...] = ()
    """What is wrong in it; a file with problems still tells what is right."""


def locate(named: str, source: str, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The file that counts: the named one, else `./raytui.toml`, else the user's own; none when there is none.

    Raises `ConfigurationError` when the named one does not exist; `source` is what named it.
    """
    if named:
        path = paths.expand(named, environ, cwd)
        if not path.exists():
            raise ConfigurationError.from_problems(
                [
                    Problem(
                        "config",
                        f"{path} does not exist ({source} names it)",
                        Remedy("config", "init --config FILE", "writes a commented one"),
                    )
                ]
            )
        return path
    candidates = (cwd / "raytui.toml", paths.user_config(environ))
    return next((path for path in candidates if path.exists()), None)


def read(path: Path) -> ConfigFile:
    """Read a configuration file; raises `ConfigurationError` when it cannot be read or is no TOML."""
    import tomllib

    try:
        data = read_bounded(path, MAX_BYTES, PIPE_SECONDS)
        if len(data) > MAX_BYTES:
            raise _unreadable(path, f"it is longer than {MAX_BYTES} bytes")
        text = data.decode()
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, f"byte {error.start} is not UTF-8") from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax(path, text, str(error)) from error
    except ValueError as error:
        # Python reads no decimal number of more than 4300 digits, and tomllib passes that on as it is.
        raise _unreadable(path, "it holds a number of thousands of digits") from error
    except RecursionError as error:
        raise _unreadable(path, "it is nested too deeply") from error
    return parse(path, table)


def parse(path: Path, table: Mapping[str, object]) -> ConfigFile:
    """Check a parsed file against the table of fields: every unknown key and wrong type, none hidden by another."""
    problems: list[Problem] = []
    default = table.get("default_profile", "")
    if not isinstance(default, str):
        problems.append(_problem(path, "default_profile", f"must be a text in quotes, not {describe(default)}"))
        default = ""
    top = ("default_profile", "profiles", "keys")
    problems += [_unknown(path, key, key, top) for key in table if key not in top]
    named = table.get("profiles", {})
    profiles: dict[str, dict[str, Value]] = {}
    if not isinstance(named, dict):
        problems.append(_problem(path, "profiles", f"must be tables named [profiles.NAME], not {describe(named)}"))
        named = {}
    for name, profile in named.items():
        if isinstance(profile, dict):
            profiles[name], wrong = _walk(path, profile, f"profiles.{name}")
            problems += wrong
        else:
            profiles[name] = {}
            problems.append(
                _problem(path, f"profiles.{name}", f"must be a table [profiles.{name}], not {describe(profile)}")
            )
    given, wrong_keys = _keys(path, table.get("keys", {}))
    groups = {name: _groups_of(profile) for name, profile in named.items()}
    return ConfigFile(path, default, profiles, groups, given, (*problems, *wrong_keys))


def _groups_of(profile: object) -> tuple[str, ...]:
    """The groups of a profile that can be read."""
    for key in GROUPS.split("."):
        profile = profile.get(key) if isinstance(profile, dict) else None
    tables = profile if isinstance(profile, dict) else {}
    return tuple(name for name, table in tables.items() if isinstance(table, dict) and not group_name_problem(name)[0])


def _keys(path: Path, table: object) -> tuple[dict[str, str], list[Problem]]:
    if not isinstance(table, dict):
        return {}, [_problem(path, "keys", f"must be a table [keys], not {describe(table)}")]
    given, problems = keys.check(table)
    return given, [_problem(path, problem.field, problem.message, problem.hint) for problem in problems]


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that a person most likely meant, empty when none is near."""
    import difflib

    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)), "")


def _walk_groups(path: Path, table: Mapping[str, object], shown: str) -> tuple[dict[str, Value], list[Problem]]:
    """The values of the tables of all groups, by their paths, and what is wrong in them."""
    found: dict[str, Value] = {}
    problems: list[Problem] = []
    for name, value in table.items():
        message, hint = group_name_problem(name)
        if not isinstance(value, dict):
            own = f"a group is a table of its own: [{shown}.NAME]"
            problems.append(
                _problem(path, f"{shown}.{name}", f"must be a table [{shown}.{name}], not {describe(value)}", own)
            )
        elif message:
            problems.append(_problem(path, f"{shown}.{name}", message, hint))
        else:
            values, wrong = _walk(path, value, f"{shown}.{name}", WORKERS)
            found |= {f"{GROUPS}.{name}{at.removeprefix(WORKERS)}": value for at, value in values.items()}
            problems += wrong
    return found, problems


def _walk(
    path: Path, table: Mapping[str, object], shown: str, inside: str = ""
) -> tuple[dict[str, Value], list[Problem]]:
    """The values of one table of a profile and what is wrong in it.

    `shown` is its name in the file, `inside` its path in the profile.
    """
    found: dict[str, Value] = {}
    problems: list[Problem] = []
    for key, value in table.items():
        at = f"{inside}.{key}" if inside else key
        if at in _TABLES:
            if isinstance(value, dict):
                deeper, wrong = (
                    _walk_groups(path, value, f"{shown}.{key}")
                    if at == GROUPS
                    else _walk(path, value, f"{shown}.{key}", at)
                )
                found |= deeper
                problems += wrong
            else:
                problems.append(
                    _problem(path, f"{shown}.{key}", f"must be a table [{shown}.{key}], not {describe(value)}")
                )
        elif at in BY_PATH:
            try:
                found[at] = from_toml(BY_PATH[at], value)
            except ValueError as error:
                problems.append(_problem(path, f"{shown}.{key}", str(error)))
        elif at == "cluster.head.gpus":
            problems.append(
                _problem(path, f"{shown}.{key}", "the head never gets GPUs", "set gpus in the workers' table")
            )
        else:
            level = [name for name in BY_PATH.keys() | _TABLES if name.rpartition(".")[0] == inside]
            problems.append(_unknown(path, f"{shown}.{key}", key, [name.rpartition(".")[2] for name in level]))
    return found, problems


def _unknown(path: Path, shown: str, key: str, known: Iterable[str]) -> Problem:
    near = nearest(key, known)
    return _problem(
        path, shown, "is no setting", f"did you mean {near}?" if near else f"known here: {', '.join(sorted(known))}"
    )


def _problem(path: Path, field: str, message: str, hint: Hint = "") -> Problem:
    return Problem(field, f"{message} (in {path})", hint)


def _unreadable(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError.from_problems(
        [Problem("config", f"{path} cannot be read: {why}", "mend it, or name another file with --config")]
    )


def _syntax(path: Path, text: str, reason: str) -> ConfigurationError:
    place = _PLACE.search(reason)
    line, column = (int(place[1]), int(place[2])) if place and place[1] else (text.count("\n") + 1, 1)
    why, hint = _in_words(_PLACE.sub("", reason))
    source = text.splitlines()[line - 1].strip() if line <= len(text.splitlines()) else ""
    # A key that somebody wrote into the file by mistake must not come out of it here.
    return ConfigurationError.from_problems(
        [
            Problem(
                "config",
                f"{path}, line {line}, column {column}: {why}",
                hint or (f"the line is: {mask(source)}" if source else ""),
            )
        ]
    )


def _in_words(reason: str) -> tuple[str, str]:
    """What the parser says of something that stands twice, in words of the file, and what to do about it."""
    twice = _TWICE.fullmatch(reason)
    if twice is not None:
        names = [name.strip(" '\"") for name in twice[1].split(",") if name.strip()]
        is_group = tuple(names[2:4]) == tuple(GROUPS.split("."))
        hint = "give one of the two groups another name" if is_group else "put what both say into one table"
        return f"the table [{'.'.join(names)}] stands in the file a second time", hint
    if reason == "Cannot overwrite a value":
        return "this key has a value already", ""
    return reason, ""
