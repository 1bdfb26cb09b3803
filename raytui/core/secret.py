"""Keys and tokens that cannot be shown by accident: their text appears only where `reveal` is written.

A key that is printed once is in a log for ever, so the wrapper, not each caller's care, keeps it out of
representations, and `mask` takes it out of texts that others wrote, such as the body of a server's error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

HIDDEN = "***"
_SHORTEST = 6
"""Shorter values are not searched for: they would blank out ordinary words."""
_NAMED = re.compile(
    r"((?:token|secret|passw(?:or)?d|api[-_]?v?\d?[-_]?key|access[-_]?key|private[-_]?key|credentials?)"
    r"""["']?\s*[:=]\s*)(["']?)[^"',;\s}]+""",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(bearer\s+)[^\s\"',;]+", re.IGNORECASE)
_IN_URL = re.compile(r"(\w+://)[^/\s@]+@")


class Secret:
    """A text that shows itself only through `reveal`.

    It may be read late, from a file or a variable, each time it is needed.
    """

    __slots__ = ("_read",)

    def __init__(self, value: str | Callable[[], str]) -> None:
        self._read: Callable[[], str] = value if callable(value) else lambda: value

    def reveal(self) -> str:
        """The text itself, without surrounding blanks; raises whatever its source raises."""
        return self._read().strip()

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return HIDDEN

    def __bool__(self) -> bool:
        return bool(self.reveal())

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        # A pickled or copied secret would be a secret in a file or a log.
        raise TypeError("a secret is not copied")


_BOM = "\ufeff"
_QUOTES = "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a"
_FIRST_VISIBLE, _DELETE, _LAST_ASCII = 0x20, 0x7F, 0x7E


def unsendable(value: str) -> str:
    """Why a key or token cannot be the value of an HTTP header, as words that name the kind of character.

    Empty when it can be.

    The words never hold a part of the value. Surrounding blanks do not count: `Secret` leaves them out.
    """
    text = value.strip()
    if text.startswith(_BOM):
        return "it begins with a byte order mark (BOM): save the file as UTF-8 without BOM"
    if any(character in _QUOTES for character in text):
        return "it holds a typographic quote: write it without quotes"
    if any(character in "\r\n" for character in text):
        return "it has more than one line: it must be the key or token alone, on one line"
    if any(ord(character) < _FIRST_VISIBLE or ord(character) == _DELETE for character in text):
        return "it holds a control character: copy it again, as plain text"
    if any(ord(character) > _LAST_ASCII for character in text):
        return "it holds a character outside ASCII, perhaps an invisible one: copy it again, as plain text"
    return ""


def mask(text: str, secrets: Iterable[Secret | str] = ()) -> str:
    """The text with the given secrets, and whatever is named like one, replaced by `***`."""
    for secret in secrets:
        value = secret.reveal() if isinstance(secret, Secret) else secret
        if len(value) >= _SHORTEST:
            text = text.replace(value, HIDDEN)
    text = _BEARER.sub(rf"\1{HIDDEN}", text)
    text = _NAMED.sub(rf"\1\2{HIDDEN}", text)
    return _IN_URL.sub(rf"\1{HIDDEN}@", text)
