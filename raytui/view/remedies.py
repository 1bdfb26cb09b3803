"""Remedies as keys: what the command line writes as a command, the console writes as the key that does the same."""

from __future__ import annotations

from collections.abc import Mapping

from raytui.core.remedy import Hint, Remedy, as_command, parts


def as_keys(hint: Hint, keys: Mapping[str, str]) -> str:
    """The hint as one sentence that names keys. `keys` gives the key of a verb; a verb without one keeps its command.

    The keys of `logs` and `restart` act on the row under the cursor, which need not be that of the remedy, so the row is named.
    """
    return ", ".join(part if isinstance(part, str) else _as_key(part, keys) for part in parts(hint))


def _as_key(remedy: Remedy, keys: Mapping[str, str]) -> str:
    if remedy.verb == "watch":
        return "this screen follows it"
    key = keys.get(remedy.verb)
    if key is None:
        return as_command(remedy)
    where = f" on {remedy.target}" if remedy.target and remedy.verb in {"logs", "restart"} else ""
    return f"{key}{where} {remedy.purpose}".rstrip()
