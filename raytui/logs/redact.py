"""Keys, tokens and passwords taken out of log lines before they leave for somebody else's eyes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from raytui.core.secret import HIDDEN, Secret, mask

_KNOWN = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\b(?:ghp|gho|ghs|github_pat|glpat|hf|sk|xox[abp])[_-][A-Za-z0-9_-]{16,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
)
"""Keys that are known by how they begin: of clouds and code hosts, and JSON web tokens."""
_KEY_BEGINS, _KEY_ENDS = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"), re.compile(r"-----END [A-Z ]*PRIVATE KEY")
KEY_LINES = 200
"""Lines after which a private key that does not end is taken to have ended: a log may break off in the middle."""


class Redactor:
    """Lines of one log in, the same without secrets out; a private key over several lines is one secret."""

    def __init__(self, secrets: Iterable[Secret | str] = ()) -> None:
        self._secrets = tuple(secrets)
        self._in_key = 0
        self.changed = 0
        """Lines that were changed."""

    def line(self, text: str) -> str:
        """The line without what must not be seen."""
        shown = self._shown(text)
        self.changed += shown != text
        return shown

    def _shown(self, text: str) -> str:
        if self._in_key:
            ends = _KEY_ENDS.search(text) is not None
            self._in_key = 0 if ends else self._in_key - 1
            return HIDDEN
        begins = _KEY_BEGINS.search(text)
        if begins is not None:
            self._in_key = 0 if _KEY_ENDS.search(text) else KEY_LINES
            return mask(text[: begins.start()], self._secrets) + HIDDEN
        return _KNOWN.sub(HIDDEN, mask(text, self._secrets))
