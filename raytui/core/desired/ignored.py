"""Which files of a folder its `.gitignore` and `.rayignore` leave out, by the rules of gitignore(5).

Ray's own client leaves the same files out of a working directory; its matcher is a package that raytui does without.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

ALWAYS = (".git", ".venv", "venv", "__pycache__")
"""What Ray's client never packs (RAY_RUNTIME_ENV_DEFAULT_EXCLUDES)."""
IGNORE_FILES = (".gitignore", ".rayignore")


class Rule(msgspec.Struct, frozen=True):
    """One pattern of an ignore file."""

    pattern: re.Pattern[str]
    folder: str
    """Where the file lies, relative to the root, with a slash at its end; empty for the root."""
    only_folders: bool
    keeps: bool
    """Whether it takes back (`!pattern`) what an earlier one left out."""


def rules_of(lines: Iterable[str], folder: str = "") -> tuple[Rule, ...]:
    """The rules of an ignore file that lies in `folder`."""
    return tuple(rule for line in lines if (rule := _rule(line, folder)) is not None)


def is_ignored(path: str, *, is_folder: bool, rules: Iterable[Rule]) -> bool:
    """Whether the rules leave a path out; the last one that fits decides.

    What lies below a folder that is left out is never looked at.
    """
    ignored = False
    for rule in rules:
        if (rule.only_folders and not is_folder) or not path.startswith(rule.folder):
            continue
        if rule.pattern.fullmatch(path[len(rule.folder) :]):
            ignored = not rule.keeps
    return ignored


def _rule(line: str, folder: str) -> Rule | None:
    text = line.rstrip("\r\n")
    text = text if text.endswith("\\ ") else text.rstrip()
    if not text or text.startswith("#"):
        return None
    keeps = text.startswith("!")
    text = text[1:] if keeps else text
    only_folders = text.endswith("/")
    text = text.rstrip("/")
    if not text:
        return None
    anchored = "/" in text
    body = _translated(text.removeprefix("/"))
    return Rule(re.compile(body if anchored else f"(?:.*/)?{body}", re.DOTALL), folder, only_folders, keeps)


def _translated(pattern: str) -> str:
    """A glob of gitignore(5) as a regular expression."""
    made, at = "", 0
    while at < len(pattern):
        rest, letter = pattern[at:], pattern[at]
        if rest.startswith("**/"):
            made, at = f"{made}(?:.*/)?", at + 3
        elif rest == "**" or (rest.startswith("/**") and len(rest) == 3):
            made, at = f"{made}{'/' if rest[0] == '/' else ''}.*", len(pattern)
        elif letter == "*":
            made, at = f"{made}[^/]*", at + len(rest) - len(rest.lstrip("*"))
        elif letter == "?":
            made, at = f"{made}[^/]", at + 1
        elif letter == "[" and (end := pattern.find("]", at + 2)) > 0:
            inside = pattern[at + 1 : end].replace("\\", "\\\\")
            made, at = f"{made}[{'^' + inside[1:] if inside[0] in '!^' else inside}]", end + 1
        elif letter == "\\" and len(rest) > 1:
            made, at = f"{made}{re.escape(rest[1])}", at + 2
        else:
            made, at = f"{made}{re.escape(letter)}", at + 1
    return made
