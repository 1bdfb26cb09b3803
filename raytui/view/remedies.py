"""Remedies as keys: what the command line writes as a command, the console writes as the key that does the same."""

from __future__ import annotations

from collections.abc import Mapping

from raytui.core.remedy import Hint, Remedy, as_command, parts, sentence

_ON_A_ROW = frozenset({"logs", "restart"})
"""Verbs whose keys act on the row under the cursor, which need not be the one that the remedy is about."""
_THIS_SCREEN = frozenset({"watch", "status"})
"""Verbs that show what the console shows anyway."""
_PURPOSES = {"restart": "restarts it", "start": "starts it", "stop": "stops it"}
"""What a key does where the command says it by its name."""


def as_keys(hint: Hint, keys: Mapping[str, str], subject: str = "") -> str:
    """The hint as one sentence that names keys.

    `keys` gives the key of a verb as it is written, and of a verb with its target (`scale 3`) where a key does just
    that; a verb without one keeps its command, and so does one with a target that no key can have. `subject` is
    the short name of what the hint stands beside.
    """
    first = next(iter(parts(hint)), "")
    row = first.target if isinstance(first, Remedy) and _is_of_row(first, keys) else ""
    lead = ("on its row: " if row == subject else f"on the row of {row}: ") if row else ""
    return lead + sentence(hint, lambda remedy: _written(remedy, keys, row, subject))


def _is_of_row(remedy: Remedy, keys: Mapping[str, str]) -> bool:
    """Whether the key does it once the cursor is on the row of the target, which is then the name of an application."""
    named = bool(remedy.target) and not remedy.target.startswith("-") and not set(remedy.target) & set("/ ")
    return remedy.verb in _ON_A_ROW and remedy.verb in keys and named


def _written(remedy: Remedy, keys: Mapping[str, str], row: str, subject: str) -> str:
    if remedy.verb in _THIS_SCREEN:
        return f"this screen {remedy.purpose}"
    if remedy.verb == "explain" and "explain" in keys and remedy.target == subject:
        # Elsewhere on the screen the same key does something else.
        return f"{keys['explain']} here {remedy.purpose}"
    exact = keys.get(f"{remedy.verb} {remedy.target}", "")
    if exact:
        return f"{exact} {remedy.purpose}".rstrip()
    if remedy.verb in _ON_A_ROW:
        is_key, where = _is_of_row(remedy, keys), "" if remedy.target == row else f" on {remedy.target}"
    else:
        # The cluster that an option names is the one on the screen.
        is_key, where = (
            remedy.verb in keys and (remedy.target in {"", "N"} or remedy.target.startswith("--cluster ")),
            "",
        )
    if not is_key:
        return as_command(remedy)
    return f"{keys[remedy.verb]}{where} {remedy.purpose or _PURPOSES.get(remedy.verb, '')}".rstrip()
