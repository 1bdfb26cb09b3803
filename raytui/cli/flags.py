"""The global flags, described once: click's options are made of them, and what is plain is read without click."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Flag(NamedTuple):
    """A flag that every verb takes, before or after it."""

    names: tuple[str, ...]
    field: str
    """The attribute of `Invocation` that it sets."""
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    counts: bool = False
    """Whether it takes no value and counts how often it is given."""
    switch: bool = False
    """Whether it takes no value and stands for `true`."""


GLOBAL = (
    Flag(("-p", "--profile"), "profile", "Profile of the configuration file.", "NAME"),
    Flag(("--config",), "config", "Configuration file.", "FILE"),
    Flag(("--project",), "project", "Project of the workbench, by its name or id.", "NAME"),
    Flag(("--cluster",), "cluster", "Name of the cluster.", "NAME"),
    Flag(("--address",), "address", "Watch the Ray cluster whose dashboard answers there, whoever made it.", "URL"),
    Flag(("-o", "--output"), "form", "Text for people or JSON for programs.", choices=("text", "json")),
    Flag(("--color",), "color", "Colour of states.", choices=("auto", "always", "never")),
    Flag(("--read-only",), "read_only", "Refuse whatever would change something.", switch=True),
    Flag(("--notify",), "notify", "Console, watch: run this when the verdict has changed.", "COMMAND"),
    Flag(("--bell",), "bell", "Console, watch: ring the bell then.", switch=True),
    Flag(("-v", "--verbose"), "verbosity", "Say more; twice shows tracebacks.", counts=True),
)
_WITH_VALUE = {name: flag for flag in GLOBAL if not (flag.counts or flag.switch) for name in flag.names}
_SWITCHES = {name: flag for flag in GLOBAL if flag.switch for name in flag.names}
_JSON_AT_ONCE = {"-ojson", "-o=json", "--output=json"}


class Asked(NamedTuple):
    """What a call's words say as far as that can be known without click."""

    json: bool
    """Whether JSON was asked for, known even when the rest cannot be parsed: its error is to be JSON too."""
    plain: bool
    """Whether the words are understood completely: no verb or `status`, and flags with sound values."""
    verb: str = ""
    """Empty without a verb. Of value only when the words are plain, as what follows."""
    exit_code: bool = False
    given: dict[str, str] = {}  # noqa: RUF012  # never changed
    """Value by attribute of `Invocation`."""


def read(arguments: Sequence[str]) -> Asked:
    """What the words say.

    Whatever is not obviously right (help, abbreviations, errors) is not plain: click tells it.
    """
    json, plain, verb, exit_code = False, True, "", False
    given: dict[str, str] = {}
    words = list(reversed(arguments))
    while words:
        word = words.pop()
        flag = _WITH_VALUE.get(word)
        if word == "--":
            plain = False
            break
        if flag is not None:
            value = words[-1] if words else ""
            if not value or value.startswith("-") or (flag.choices and value not in flag.choices):
                plain = False
                continue
            given[flag.field] = words.pop()
            json = json or (flag.field, value) == ("form", "json")
        elif word in _SWITCHES:
            given[_SWITCHES[word].field] = "true"
        elif word == "status" and not verb:
            verb = word
        elif word == "--exit-code" and verb:
            exit_code = True
        else:
            json = json or word in _JSON_AT_ONCE
            plain = False
    return Asked(json, plain, verb, exit_code, given)
