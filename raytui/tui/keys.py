"""Every key of the console, once: bindings, the bar at the bottom, help and the command palette are made from this table."""

from __future__ import annotations

from typing import NamedTuple

from textual.binding import Binding, BindingType


class Key(NamedTuple):
    """One key."""

    id: str
    """Stable name, for a keymap of one's own."""
    keys: str
    """Textual's names, separated by commas."""
    action: str
    label: str
    """One or two words for the bar at the bottom."""
    tooltip: str
    """One sentence for help and the palette."""
    display: str = ""
    """How the key is written."""
    where: str = "anywhere"
    """anywhere, table, logs or config."""
    bar: int = 0
    """Place in the bar; 0: not in it."""
    palette: bool = True
    changes: bool = False
    """Whether it changes the cluster."""


KEYS = (
    Key("start", "s", "start", "start", "Start the cluster, or create what is missing of it", bar=1, changes=True),
    Key("stop", "x", "stop", "stop", "Stop the cluster and delete its applications", bar=2, changes=True),
    Key("scale-up", "plus,equals_sign", "scale(1)", "scale", "Add a worker", display="+ -", bar=3, changes=True),
    Key("scale-down", "minus", "scale(-1)", "scale", "Take the last worker away", display="-", changes=True),
    Key("restart", "r", "restart", "restart", "Restart the application under the cursor", bar=4, where="table", changes=True),
    Key("logs", "l,enter", "show_logs", "logs", "Show the log of the application under the cursor", display="l", bar=5, where="table"),
    Key("order", "o", "order", "order", "Order rows by name, worst first, CPU or memory", where="table"),
    Key("sources", "l", "sources", "sources", "Choose which log to show", bar=1, where="logs"),
    Key("follow", "f", "follow", "follow", "Keep the end of the log in view, or stay where you are", bar=2, where="logs"),
    Key("find", "ctrl+f", "find", "find", "Search the log", display="^f", bar=3, where="logs"),
    Key("next", "n", "next(1)", "next", "Go to the next match", display="n N", bar=4, where="logs", palette=False),
    Key("previous", "N", "next(-1)", "previous", "Go to the match before", display="N", where="logs", palette=False),
    Key("config", "e", "config", "config", "Show and edit the cluster's configuration", bar=6),
    Key("filter", "slash", "filter", "filter", "Show only the rows or log lines that match", display="/", bar=7),
    Key("events", "v", "events", "events", "Show what changed lately in place of what needs attention"),
    Key("palette", "colon,ctrl+p", "command_palette", "do", "Every command by name", display=":", bar=8, palette=False),
    Key("help", "question_mark,f1", "help", "help", "All keys and what the marks mean", display="?", bar=9),
    Key("dismiss", "escape", "dismiss", "close", "Close what is open, drop a filter, dismiss a message", display="esc", palette=False),
    Key("next-pane", "tab", "app.focus_next", "next pane", "Go to the next pane", palette=False),
    Key("quit", "q,ctrl+q", "leave", "quit", "Leave the console; the cluster stays as it is", display="q"),
    Key("plan", "ctrl+s", "plan", "plan", "Show the plan that leads to this configuration", "^s", "config", bar=1, changes=True),
    Key("reset", "ctrl+r", "reset", "reset", "Take the configuration back to the profile's", display="^r", bar=2, where="config"),
)


def bindings(where: str) -> list[BindingType]:
    """The bindings of one place."""
    return [
        Binding(key.keys, key.action, key.label, id=key.id, tooltip=key.tooltip, key_display=key.display or None, show=False)
        for key in KEYS
        if key.where == where
    ]


def written(key: Key) -> str:
    """How a key is written on the screen."""
    return key.display or key.keys.split(",")[0]


_OF_VERBS = {"start": "start", "stop": "stop", "scale": "scale-up", "restart": "restart", "logs": "logs"}
"""The key that does what a verb of the command line does, by its id."""


def verb_keys() -> dict[str, str]:
    """How the key of a verb is written; of two on one key the first."""
    named = {key.id: written(key).split(" ")[0] for key in KEYS}
    return {verb: named[key] for verb, key in _OF_VERBS.items()}


def bar(where: str) -> tuple[Key, ...]:
    """The keys of the bar for the place that has the focus, in their order: its own first, then those that work anywhere."""
    own = sorted((key for key in KEYS if key.bar and key.where == where), key=lambda key: key.bar)
    if where == "config":
        # A field takes every letter for itself.
        return (*own, *(key for key in KEYS if key.id in {"next-pane", "dismiss"}))
    common = sorted((key for key in KEYS if key.bar and key.where == "anywhere"), key=lambda key: key.bar)
    if where == "table":
        return tuple(sorted((*own, *common), key=lambda key: key.bar))
    nearest = [key for key in common if key.id == "filter"]
    return (*own, *nearest, *(key for key in common if key not in nearest))
