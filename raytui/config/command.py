"""A command line that a setting names: its words as a shell would tell them apart, and nothing else of a shell."""

from __future__ import annotations

from pathlib import Path

from raytui.core.errors import Problem


def command_of(line: str, origin: str, problems: list[Problem]) -> str:
    """The command line, its program's `~` expanded; what is wrong with it is added to `problems`."""
    if not line.strip():
        return ""
    import shlex  # 1 ms that only somebody who names a command pays

    try:
        words = shlex.split(line)
    except ValueError as error:
        problems.append(Problem("notify", f"the command cannot be read: {error} ({origin})", "close every quote"))
        return ""
    if not words or not words[0] or "\0" in line:
        problems.append(Problem("notify", f"the command names no program ({origin})", 'for example "~/bin/page-me"'))
        return ""
    try:
        expanded = str(Path(words[0]).expanduser()) if words[0].startswith("~") else words[0]
    except RuntimeError:  # nobody has that name here
        hint = "name the program by its whole path"
        problems.append(Problem("notify", f"nobody knows the home folder in {words[0]} ({origin})", hint))
        return ""
    return shlex.join([expanded, *words[1:]])
