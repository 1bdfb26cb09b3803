"""What nobody foresaw, as part of a sentence: the console outlives it, says it and asks to report it."""

from __future__ import annotations

from raytui.tui.render.text import clean

REPORT = "this is a defect of raytui: please report it"


def unforeseen(error: Exception) -> str:
    """An error that nobody foresaw, as part of a sentence."""
    return f"{type(error).__name__}: {clean(str(error))}"
