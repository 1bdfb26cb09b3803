"""The keys of the console as settings: their ids, usual keys, where each works, and what a `[keys]` table may change.

The console makes its bindings, bar, help and palette from this table; `config init` writes it down.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from raytui.core.errors import Problem

Place = Literal["anywhere", "cluster", "table", "attention", "logs", "config", "list", "log"]
"""Where a key works: on every screen, on the cluster's, in its table, in what needs attention, in its log or its form;
on the screen of a list or of a log."""


class KeySetting(NamedTuple):
    """One key."""

    id: str
    """Stable name, by which `[keys]` changes it."""
    keys: str
    """The usual keys by their names, separated by commas."""
    meaning: str
    """One sentence for help, palette and `config init`."""
    where: tuple[Place, ...]


KEY_SETTINGS = (
    KeySetting("start", "s", "Start the cluster, or create what is missing of it", ("cluster",)),
    KeySetting("stop", "x", "Stop the cluster and delete its applications", ("cluster",)),
    KeySetting("scale-up", "plus,equals_sign", "Add a worker, to the group under the cursor", ("cluster",)),
    KeySetting("scale-down", "minus", "Take the last worker of the group away", ("cluster",)),
    KeySetting("restart", "r", "Restart the application under the cursor", ("table",)),
    KeySetting("logs", "l,enter", "Show the log of the application under the cursor", ("table",)),
    KeySetting("story", "enter", "Tell the whole story of what needs attention", ("attention",)),
    KeySetting("cause-log", "l", "Show the log that tells of it, at its last error", ("attention",)),
    KeySetting("details", "enter", "Show all fields of the row under the cursor", ("list",)),
    KeySetting("order", "o", "Order rows by the next column", ("table", "list")),
    KeySetting("reverse", "O", "Reverse the order of the rows", ("list",)),
    KeySetting("row-log", "l", "Show the log of the row under the cursor", ("list",)),
    KeySetting("its-actors", "a", "Go to the actors of the row under the cursor", ("list",)),
    KeySetting("its-tasks", "t", "Go to the tasks of the row under the cursor", ("list",)),
    KeySetting("its-processes", "p", "Go to the worker processes of the row under the cursor", ("list",)),
    KeySetting("its-bundles", "b", "Go to the bundles of the row under the cursor", ("list",)),
    KeySetting("raw", "y", "Show the row as JSON, or its fields again", ("list",)),
    KeySetting("copy", "c", "Copy the ids of the rows, or the details that are shown", ("list",)),
    KeySetting("mark", "space", "Mark the row, or take its mark away", ("list",)),
    KeySetting("submit", "n", "Submit a new job", ("list",)),
    KeySetting("row-stop", "x", "Stop the jobs of the rows", ("list",)),
    KeySetting("row-delete", "d,delete", "Delete the Serve applications of the rows", ("list",)),
    KeySetting("row-restart", "r", "Restart the applications of the rows", ("list",)),
    KeySetting("row-scale-up", "plus,equals_sign", "Add a worker to the group of the row", ("list",)),
    KeySetting("row-scale-down", "minus", "Take the last worker of the row's group away", ("list",)),
    KeySetting("sources", "l,L", "Choose which log to show, or several to merge", ("logs",)),
    KeySetting("follow", "f", "Keep the end of the log in view, or stay where you are", ("logs",)),
    KeySetting("find", "ctrl+f", "Search the log", ("logs",)),
    KeySetting("next", "n", "Go to the next match", ("logs",)),
    KeySetting("previous", "N", "Go to the match before", ("logs",)),
    KeySetting("search-all", "ctrl+g", "Search every log of every node", ("log",)),
    KeySetting("in-context", "enter", "Show what was found in its context", ("log",)),
    KeySetting("next-error", "e", "Go to the next error", ("log",)),
    KeySetting("previous-error", "E", "Go to the error before", ("log",)),
    KeySetting("to-time", "t", "Go to a time", ("log",)),
    KeySetting("earlier", "left_square_bracket", "Go to the column of the histogram before", ("log",)),
    KeySetting("later", "right_square_bracket", "Go to the next column of the histogram", ("log",)),
    KeySetting("wrap", "w", "Wrap long lines, or cut them at the edge", ("log",)),
    KeySetting("save", "S", "Save the log, or the lines that the filter shows, to a file", ("log",)),
    KeySetting("copy-line", "c", "Copy the line under the cursor", ("log",)),
    KeySetting("bookmark", "b", "Set a bookmark at the line, or take it away", ("log",)),
    KeySetting("next-bookmark", "B", "Go to the next bookmark", ("log",)),
    KeySetting("beside", "v", "Put a second log beside this one, or take it away", ("log",)),
    KeySetting("config", "e", "Show and edit the cluster's configuration", ("cluster",)),
    KeySetting("filter", "slash", "Show only the rows or log lines that match", ("cluster", "list", "log")),
    KeySetting("events", "v", "Show what changed lately in place of what needs attention", ("cluster",)),
    KeySetting("cluster", "1", "Go to the cluster", ("anywhere",)),
    KeySetting("jobs", "2", "Go to Ray's jobs", ("anywhere",)),
    KeySetting("actors", "3", "Go to Ray's actors", ("anywhere",)),
    KeySetting("serve", "4", "Go to the deployments of Ray Serve", ("anywhere",)),
    KeySetting("tasks", "5", "Go to Ray's tasks", ("anywhere",)),
    KeySetting("placement-groups", "6", "Go to Ray's placement groups", ("anywhere",)),
    KeySetting("event-list", "7", "Go to everything that happened", ("anywhere",)),
    KeySetting("log", "8", "Go to the logs", ("anywhere",)),
    KeySetting("nodes", "9", "Go to Ray's nodes", ("anywhere",)),
    KeySetting("conditions", "0", "Go to everything that needs attention", ("anywhere",)),
    KeySetting("next-cluster", "full_stop", "Go to the next cluster", ("anywhere",)),
    KeySetting("previous-cluster", "comma", "Go to the cluster before", ("anywhere",)),
    KeySetting("clusters", "C", "Go to the list of clusters, the worst first", ("anywhere",)),
    KeySetting("palette", "colon,ctrl+p", "Every command by name", ("anywhere",)),
    KeySetting("help", "question_mark,f1", "All keys and what the marks mean", ("anywhere",)),
    KeySetting("dismiss", "escape", "Close what is open, drop a filter, go back", ("cluster", "list", "log")),
    KeySetting("next-pane", "tab", "Go to the next pane", ("anywhere",)),
    KeySetting("suspend", "ctrl+z", "Put the console aside; fg takes it up again", ("anywhere",)),
    KeySetting("quit", "q,ctrl+q", "Leave the console; the cluster stays as it is", ("anywhere",)),
    KeySetting("plan", "ctrl+s", "Show the plan that leads to this configuration", ("config",)),
    KeySetting("reset", "ctrl+r", "Take the configuration back to the profile's", ("config",)),
)
BY_ID = {setting.id: setting for setting in KEY_SETTINGS}
TOGETHER: dict[Place, frozenset[Place]] = {
    "table": frozenset({"anywhere", "cluster", "table"}),
    "attention": frozenset({"anywhere", "cluster", "attention"}),
    "logs": frozenset({"anywhere", "cluster", "logs"}),
    "config": frozenset({"anywhere", "cluster", "config"}),
    "list": frozenset({"anywhere", "list"}),
    "log": frozenset({"anywhere", "log", "logs"}),
}
"""Which keys work at the same time, by where the focus is: of these no two may be the same."""
SHOWN: dict[Place, str] = {
    "anywhere": "anywhere",
    "cluster": "on the cluster's screen",
    "table": "in the list of applications",
    "attention": "in what needs attention",
    "logs": "in the log",
    "config": "in the configuration",
    "list": "in a list",
    "log": "on the screen of a log",
}
"""Each place inside a sentence."""

FIXED = frozenset(
    ["up", "down", "left", "right", "pageup", "pagedown", "home", "end", "g", "G", "j", "k", "shift+tab", "ctrl+c"]
)
"""Keys that move within lists, logs and dialogs, or end every program: never given to something else."""
_SAME = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+h": "backspace", "ctrl+[": "escape"}
"""What a terminal sends for these keys, so that a program cannot tell them apart."""
_MODIFIERS = frozenset({"alt", "ctrl", "hyper", "meta", "shift", "super"})
_FRIENDLY = {
    "solidus": "slash", "reverse_solidus": "backslash", "commercial_at": "at",
    "hyphen_minus": "minus", "plus_sign": "plus", "low_line": "underscore",
}  # fmt: skip
_NAMED = frozenset(
    ("escape", "enter", "tab", "space", "backspace", "delete", "insert", *(f"f{n}" for n in range(1, 25)))
) | {name for name in FIXED if len(name) > 1 and "+" not in name}


def _name_of(character: str) -> str:
    """The name of a character's key; a letter or digit is its own name."""
    if character.isalnum():
        return character
    name = unicodedata.name(character, "").lower().replace("-", "_").replace(" ", "_")
    return _FRIENDLY.get(name, name)


_SIGNS = {_name_of(chr(code)): chr(code) for code in range(33, 127) if not chr(code).isalnum()}


def normal_key(text: str) -> str:
    """The name under which the console hears a key; raises ValueError with what is wrong as a sentence."""
    *modifiers, key = [part.strip() for part in re.split(r"(?<=.)\+(?=.)", text.strip())]
    if not key or len(set(modifiers)) != len(modifiers) or not _MODIFIERS.issuperset(modifiers):
        raise ValueError(f"{_short(text)!r} is no key")
    if len(key) == 1:
        key = _name_of(key)
    if "shift" in modifiers and len(key) == 1 and key.upper() != key and len(modifiers) == 1:
        return key.upper()
    if modifiers and len(key) == 1:
        key = key.lower()
    if not (len(key) == 1 or key in _NAMED or key in _SIGNS):
        raise ValueError(f"{_short(text)!r} is no key")
    name = "+".join([*sorted(modifiers), key])
    if name in _SAME:
        raise ValueError(f"{name} cannot be distinguished from {_SAME[name]} by a terminal")
    return name


def written(name: str) -> str:
    """How a key is written on the screen: `+`, `^s`, `esc`, `f1`."""
    *modifiers, key = name.split("+")
    shown = {"escape": "esc", "question_mark": "?", "colon": ":"}.get(key) or _SIGNS.get(key, key)
    if modifiers == ["ctrl"]:
        return f"^{shown}"
    return "+".join([*modifiers, shown])


def check(table: Mapping[str, object]) -> tuple[dict[str, str], list[Problem]]:
    """The keys that a `[keys]` table gives, by id, and everything that is wrong with it."""
    given: dict[str, str] = {}
    problems: list[Problem] = []
    for identity, value in table.items():
        if identity not in BY_ID:
            problems.append(Problem(f"keys.{identity}", "is no key of the console", _meant(identity)))
        elif not isinstance(value, str):
            problems.append(Problem(f"keys.{identity}", 'must be a text in quotes, such as "s" or "ctrl+s"'))
        else:
            names, wrong = _names(BY_ID[identity], value)
            problems += wrong
            if names and not wrong:
                given[identity] = ",".join(names)
    return given, [*problems, *_clashes(given)]


def _names(setting: KeySetting, text: str) -> tuple[list[str], list[Problem]]:
    field, names, problems = f"keys.{setting.id}", [], []
    if not text.strip():
        return [], [Problem(field, "names no key", f"take the line out for the usual one, {setting.keys}")]
    for part in text.split(","):
        try:
            name = normal_key(part)
        except ValueError as error:
            problems.append(
                Problem(field, str(error), "for example s, S, f5, ctrl+s or slash; a comma is written comma")
            )
            continue
        if name in FIXED:
            problems.append(
                Problem(field, f"{name} moves the cursor or ends the program, here as everywhere", "choose another one")
            )
        elif setting.where == ("config",) and not (name.startswith(("ctrl+", "alt+")) or re.fullmatch(r"f\d+", name)):
            problems.append(
                Problem(field, f"a field of the form takes {name} for itself", "choose one with ctrl, or f1 to f24")
            )
        else:
            names.append(name)
    return list(dict.fromkeys(names)), problems


def _clashes(given: Mapping[str, str]) -> Iterable[Problem]:
    """The same key twice where both would work, reported once for each pair and at an id that was given."""
    keys = {setting.id: set(given.get(setting.id, setting.keys).split(",")) for setting in KEY_SETTINGS}
    reported: set[tuple[str, str]] = set()
    for place, together in TOGETHER.items():
        here = [setting.id for setting in KEY_SETTINGS if together.intersection(setting.where)]
        for n, first in enumerate(here):
            for second in here[n + 1 :]:
                both = sorted(keys[first] & keys[second])
                if not both or (first, second) in reported:
                    continue
                reported.add((first, second))
                at, other = (first, second) if first in given else (second, first)
                yield Problem(
                    f"keys.{at}",
                    f"{both[0]} is also the key of {other} {SHOWN[place]}",
                    "give one of the two another key",
                )


def _meant(identity: str) -> str:
    import difflib

    near = difflib.get_close_matches(identity, list(BY_ID), n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"known here: {', '.join(sorted(BY_ID))}"


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
