"""Every key of the console, once: bindings, the bar at the bottom, help and palette are made from this table.

Ids, usual keys and meanings are settings (`raytui.config.keys`); here stands what each key does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from textual.binding import Binding, BindingType

from raytui.config.keys import KEY_SETTINGS, Place
from raytui.config.keys import written as written_name


class Does(NamedTuple):
    """What a key does."""

    action: str
    label: str
    """One or two words for the bar at the bottom."""
    palette: bool = True
    changes: bool = False
    """Whether it changes the cluster."""
    beside: str = ""
    """Id of the key that is written beside it in the bar, because they belong together."""


class Key(NamedTuple):
    """One key as it works now."""

    id: str
    keys: str
    """Textual's names, separated by commas."""
    tooltip: str
    where: tuple[Place, ...]
    does: Does
    beside: str = ""
    """How the key that belongs to it is written."""

    @property
    def written(self) -> str:
        """How it is written on the screen."""
        return written_name(self.keys.partition(",")[0])

    @property
    def in_bar(self) -> str:
        """How it is written in the bar, with the one that belongs to it."""
        return f"{self.written} {self.beside}".rstrip()

    def named(self, label: str) -> Key:
        """The same key under another word in the bar."""
        return self._replace(does=self.does._replace(label=label))


_DOES = {
    "start": Does("start", "start", changes=True),
    "stop": Does("stop", "stop", changes=True),
    "scale-up": Does("scale(1)", "scale", changes=True, beside="scale-down"),
    "scale-down": Does("scale(-1)", "scale", changes=True),
    "restart": Does("restart", "restart", changes=True),
    "logs": Does("show_logs", "logs"),
    "story": Does("story", "story"),
    "cause-log": Does("cause_log", "its log"),
    "details": Does("details", "details"),
    "order": Does("order", "order"),
    "reverse": Does("reverse", "reverse"),
    "row-log": Does("log", "log"),
    "its-actors": Does("related('actors')", "actors"),
    "its-tasks": Does("related('tasks')", "tasks"),
    "its-processes": Does("related('workers')", "processes"),
    "its-bundles": Does("related('bundles')", "bundles"),
    "raw": Does("raw", "raw"),
    "copy": Does("copy", "copy"),
    "mark": Does("mark", "mark"),
    "submit": Does("submit", "submit", changes=True),
    "row-delete": Does("delete_rows", "delete", changes=True),
    "row-stop": Does("stop_rows", "stop", changes=True),
    "row-restart": Does("restart_rows", "restart", changes=True),
    "row-scale-up": Does("scale_row(1)", "scale", changes=True, beside="row-scale-down"),
    "row-scale-down": Does("scale_row(-1)", "scale", changes=True),
    "sources": Does("sources", "sources"),
    "follow": Does("follow", "follow"),
    "find": Does("find", "find"),
    "next": Does("next(1)", "next", palette=False, beside="previous"),
    "previous": Does("next(-1)", "previous", palette=False),
    "search-all": Does("search_all", "all logs"),
    "in-context": Does("in_context", "in context"),
    "next-error": Does("error(1)", "error", beside="previous-error"),
    "previous-error": Does("error(-1)", "error"),
    "to-time": Does("to_time", "time"),
    "earlier": Does("column(-1)", "span", beside="later"),
    "later": Does("column(1)", "span"),
    "wrap": Does("wrap", "wrap"),
    "save": Does("save", "save"),
    "copy-line": Does("copy_line", "copy"),
    "bookmark": Does("bookmark", "mark", beside="next-bookmark"),
    "next-bookmark": Does("next_bookmark", "mark"),
    "beside": Does("beside", "beside"),
    "config": Does("config", "config"),
    "filter": Does("filter", "filter"),
    "events": Does("events", "events"),
    "cluster": Does("go('cluster')", "Cluster", palette=False),
    "jobs": Does("go('jobs')", "Jobs", palette=False),
    "actors": Does("go('actors')", "Actors", palette=False),
    "serve": Does("go('serve')", "Serve", palette=False),
    "tasks": Does("go('tasks')", "Tasks", palette=False),
    "placement-groups": Does("go('placement-groups')", "Placement", palette=False),
    "event-list": Does("go('events')", "Events", palette=False),
    "log": Does("go('log')", "Logs", palette=False),
    "nodes": Does("go('nodes')", "Nodes", palette=False),
    "conditions": Does("go('conditions')", "Conditions", palette=False),
    "next-cluster": Does("turn(1)", "next cluster", palette=False, beside="previous-cluster"),
    "previous-cluster": Does("turn(-1)", "cluster before", palette=False),
    "clusters": Does("go('clusters')", "clusters", palette=False),
    "palette": Does("command_palette", "do", palette=False),
    "help": Does("help", "help"),
    "dismiss": Does("dismiss", "close", palette=False),
    "next-pane": Does("app.focus_next", "pane", palette=False),
    "suspend": Does("app.suspend_process", "aside", palette=False),
    "quit": Does("leave", "quit"),
    "plan": Does("plan", "plan", changes=True),
    "reset": Does("reset", "reset"),
}
RELATED = {"its-actors": "actors", "its-tasks": "tasks", "its-processes": "workers", "its-bundles": "bundles"}
"""The keys that go to what belongs to a row, and the list that each goes to."""
AMONG_SEVERAL = frozenset({"next-cluster", "previous-cluster", "clusters"})
"""The keys that mean something only where there are several clusters."""
GOES = {
    "cluster": "cluster",
    "jobs": "jobs",
    "actors": "actors",
    "serve": "serve",
    "tasks": "tasks",
    "placement-groups": "placement-groups",
    "event-list": "events",
    "log": "log",
    "nodes": "nodes",
    "conditions": "conditions",
}
"""The keys that go to a screen of their own, and the list that each goes to."""
_COMMON = ("start", "stop", "scale-up", "config", "filter", "next-pane", "palette", "help")
_BARS: dict[str, tuple[str, ...]] = {
    "cluster": _COMMON,
    "table": ("start", "stop", "scale-up", "restart", "logs", "config", "filter", "next-pane", "palette", "help"),
    "attention": ("story", "cause-log", "next-pane", *_COMMON[:5], "palette", "help"),
    "logs": ("sources", "follow", "find", "next", "filter", "next-pane", *_COMMON[:4], "palette", "help"),
    # A field takes every letter for itself.
    "config": ("plan", "reset", "dismiss", "next-pane"),
    "list": (
        "details",
        "row-log",
        "its-actors",
        "its-tasks",
        "its-processes",
        "its-bundles",
        "row-stop",
        "row-delete",
        "submit",
        "row-restart",
        "row-scale-up",
        "filter",
        "dismiss",
        "order",
        "raw",
        "copy",
        "mark",
        "reverse",
        "palette",
        "help",
    ),
    "details": (
        "details",
        "row-log",
        "its-actors",
        "its-tasks",
        "its-processes",
        "its-bundles",
        "raw",
        "copy",
        "dismiss",
        "next-pane",
        "palette",
        "help",
    ),
    "log": (
        "dismiss",
        "filter",
        "find",
        "in-context",
        "next",
        "search-all",
        "next-error",
        "follow",
        "to-time",
        "sources",
        "wrap",
        "save",
        "copy-line",
        "earlier",
        "bookmark",
        "beside",
        "palette",
        "help",
    ),
}
"""The keys of the bar by where the focus is; the last two are shown at any width."""
_VERBS = {"start": "start", "stop": "stop", "scale": "scale-up", "restart": "restart", "logs": "logs"}


def table(own: Mapping[str, str] | None = None) -> tuple[Key, ...]:
    """All keys in the order of help, with keys of one's own by their ids."""
    keys = {setting.id: (own or {}).get(setting.id, setting.keys) for setting in KEY_SETTINGS}

    def beside(identity: str) -> str:
        other = _DOES[identity].beside
        return written_name(keys[other].partition(",")[0]) if other else ""

    return tuple(Key(s.id, keys[s.id], s.meaning, s.where, _DOES[s.id], beside(s.id)) for s in KEY_SETTINGS)


KEYS = table()


def bindings(where: Place) -> list[BindingType]:
    """The usual bindings of one place; the app lays keys of one's own over them by their ids."""
    return [
        Binding(key.keys, key.does.action, key.does.label, id=key.id, tooltip=key.tooltip, show=False)
        for key in KEYS
        if where in key.where
    ]


def bar(where: str, keys: Sequence[Key] = KEYS) -> tuple[Key, ...]:
    """The keys of the bar for the place that has the focus, in their order."""
    by_id = {key.id: key for key in keys}
    return tuple(by_id[identity] for identity in _BARS[where])


def written(identity: str, keys: Sequence[Key] = KEYS) -> str:
    """How the key of an id is written on the screen."""
    return next(key.written for key in keys if key.id == identity)


def verb_keys(keys: Sequence[Key] = KEYS, *, elsewhere: bool = False) -> dict[str, str]:
    """The key of each verb of the command line that the console has one for.

    `elsewhere` is for screens on which these keys do not work: one goes to the cluster's first.
    """
    way = f"{written('cluster', keys)}, then " if elsewhere else ""
    found = {verb: f"{way}{written(identity, keys)}" for verb, identity in _VERBS.items()}
    # The story is that of the entry under the cursor of what needs attention, which no other screen has.
    return found if elsewhere else {**found, "explain": written("story", keys)}
