"""What to do about something, as data: below the front ends nobody writes commands into sentences.

The command line writes a remedy as the command that does it, the console as the key. Documents for programs carry the
command.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class Remedy(msgspec.Struct, frozen=True):
    """One verb that helps."""

    verb: str
    """The verb of the command line, such as `restart`."""
    target: str = ""
    """What the verb is given: an application's short name, a log, options."""
    purpose: str = ""
    """What that does, as the rest of a sentence that begins with the verb: `runs it again`."""


Hint = str | Remedy | tuple[str | Remedy, ...]
"""Advice in words, a remedy, or both in the order in which they are read; empty when there is none.

Texts stand as they are, with the punctuation that joins them to what is beside them; two remedies in a row are joined
by a comma.
"""

CREATE = Remedy("start", "", "creates it")
CREATE_AGAIN = Remedy("start", "", "creates it again")
REMOVE = Remedy("stop", "", "removes what exists")
FOLLOW = Remedy("watch", "", "follows it")
SHOW = Remedy("status", "", "shows what exists")


def parts(hint: Hint) -> tuple[str | Remedy, ...]:
    """The parts of a hint, one or many; none for an empty one."""
    if isinstance(hint, tuple):
        return tuple(part for part in hint if part)
    return (hint,) if hint else ()


def plus(*hints: Hint) -> Hint:
    """Hints one behind the other as one."""
    found = tuple(part for hint in hints for part in parts(hint))
    return found[0] if len(found) == 1 else found or ""


def sentence(hint: Hint, write: Callable[[Remedy], str]) -> str:
    """The hint as one sentence, its remedies written by `write`."""
    text = ""
    before: str | Remedy = ""
    for part in parts(hint):
        gap = ", " if isinstance(part, Remedy) and isinstance(before, Remedy) else ""
        text += gap + (part if isinstance(part, str) else write(part))
        before = part
    return text


def as_commands(hint: Hint) -> str:
    """The hint as one sentence that names commands: `raytui restart worker-2 runs it again`."""
    return sentence(hint, as_command)


def as_command(remedy: Remedy) -> str:
    """One remedy as its command and purpose."""
    return " ".join(word for word in ("raytui", remedy.verb, remedy.target, remedy.purpose) if word)
