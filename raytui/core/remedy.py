"""What to do about something, as data: below the front ends nobody writes commands into sentences.

The command line writes a remedy as the command that does it, the console as the key. Documents for programs carry the command.
"""

from __future__ import annotations

import msgspec


class Remedy(msgspec.Struct, frozen=True):
    """One verb that helps."""

    verb: str
    """The verb of the command line, such as `restart`."""
    target: str = ""
    """What the verb is given: an application's short name, a log, an option."""
    purpose: str = ""
    """What that does, as the rest of a sentence that begins with the verb: `runs it again`."""


Hint = str | Remedy | tuple[str | Remedy, ...]
"""Advice in words, a remedy, or several of them in the order in which to try them; empty when there is none."""


def parts(hint: Hint) -> tuple[str | Remedy, ...]:
    """The parts of a hint, one or many; none for an empty one."""
    if isinstance(hint, tuple):
        return hint
    return (hint,) if hint else ()


def as_commands(hint: Hint) -> str:
    """The hint as one sentence that names commands: `raytui restart worker-2 runs it again`."""
    return ", ".join(part if isinstance(part, str) else as_command(part) for part in parts(hint))


def as_command(remedy: Remedy) -> str:
    """One remedy as its command and purpose."""
    return " ".join(word for word in ("raytui", remedy.verb, remedy.target, remedy.purpose) if word)
