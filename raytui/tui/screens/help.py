"""All keys and the meaning of the marks, from the same table that makes the bindings."""

from __future__ import annotations

from collections.abc import Sequence

from raytui.config.keys import Place
from raytui.core.conditions import Verdict
from raytui.tui.keys import Key
from raytui.tui.render.text import BLANK, Line, fit
from raytui.tui.screens.dialog import Dialog
from raytui.view.words import VERDICTS

_PLACES: tuple[tuple[Place, str], ...] = (
    ("cluster", "On the cluster's screen"),
    ("table", "In the list of applications"),
    ("attention", "In what needs attention"),
    ("logs", "In the log"),
    ("config", "In the configuration"),
    ("list", "In a list"),
    ("log", "On the screen of a log"),
    ("anywhere", "Anywhere"),
)
_VERDICTS: tuple[tuple[Verdict, str], ...] = (
    ("ok", "ok: the cluster was observed to work, whatever fails that runs on it"),
    ("degraded", "degraded: it works, and something needs attention"),
    ("down", "down: it was observed not to work"),
    ("unknown", "unknown: the console is blind, and says since when"),
)
_MARKS = (
    *((VERDICTS[verdict][0][0], VERDICTS[verdict][1], text) for verdict, text in _VERDICTS),
    ("○", "strong", "nothing runs, and nothing is meant to"),
)


def help_lines(width: int, keys: Sequence[Key], place: str = "") -> list[Line]:
    """The help as lines, the keys of the place at hand first."""
    lines: list[Line] = []
    for where, title in sorted(_PLACES, key=lambda entry: entry[0] != place):
        lines += [BLANK] if lines else []
        lines.append(((title, "accent"),))
        lines += [
            ((f"  {fit(key.written, 6)}", "key"), (fit(key.tooltip, width - 9).rstrip(), ""))
            for key in keys
            if where in key.where
        ]
    lines += [BLANK, (("Marks", "accent"),)]
    lines += [((f"  {fit(mark, 6)}", role), (text, "")) for mark, role, text in _MARKS]
    lines += [BLANK, (("Closing the console changes nothing for the cluster.", "muted"),)]
    return lines


class HelpScreen(Dialog):
    """Keys and marks."""

    def __init__(self, keys: Sequence[Key], place: str = "") -> None:
        """`place` is where the focus was, by the places of the table of keys."""
        super().__init__("Help", [("close", "Close", "plain")])
        self._keys = keys
        self._place = place

    def lines(self, width: int) -> Sequence[Line]:
        """The help."""
        return help_lines(width, self._keys, self._place)
