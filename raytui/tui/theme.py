"""All colours of the console, once: its calm themes, and what each role of a line looks like in them.

One accent; the semantic colours mark states only. Roles that matter differ by weight too, so that they survive 16
colours and NO_COLOR.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from rich.style import Style
from textual.color import Color
from textual.theme import Theme


class Palette(NamedTuple):
    """The colours of one theme, from which Textual's variables are made."""

    accent: str
    """Keys, titles, the cursor's mark."""
    foreground: str
    strong: str
    muted: str
    background: str
    surface: str
    panel: str
    rule: str
    cursor: str
    """Ground of the cursor's row."""
    match: str
    """Ground of what a search found."""
    ok: str
    warn: str
    error: str
    bar: str
    """Scrollbars."""
    bar_hover: str
    sources: tuple[str, ...]
    """One for each of several logs, in turn, beside its name."""
    is_dark: bool = True


SOURCES = 8
"""Logs that have a colour of their own."""


def _theme(name: str, colours: Palette) -> Theme:
    return Theme(
        name=f"raytui-{name}",
        primary=colours.accent,
        secondary=colours.accent,
        accent=colours.accent,
        foreground=colours.foreground,
        background=colours.background,
        surface=colours.surface,
        panel=colours.panel,
        success=colours.ok,
        warning=colours.warn,
        error=colours.error,
        dark=colours.is_dark,
        variables={
            "muted": colours.muted,
            "rule": colours.rule,
            "strong": colours.strong,
            "cursor": colours.cursor,
            "match": colours.match,
            **{f"source-{n}": colours.sources[n % len(colours.sources)] for n in range(SOURCES)},
            "block-cursor-background": colours.cursor,
            "block-cursor-foreground": colours.strong,
            "block-cursor-text-style": "none",
            "input-cursor-background": colours.foreground,
            "input-cursor-foreground": colours.background,
            "input-selection-background": f"{colours.accent} 35%",
            "scrollbar": colours.bar,
            "scrollbar-background": colours.background,
            "scrollbar-background-hover": colours.background,
            "scrollbar-background-active": colours.background,
            "scrollbar-hover": colours.bar_hover,
            "scrollbar-active": colours.accent,
            "scrollbar-corner-color": colours.background,
        },
    )


_DARK = Palette(
    accent="#5f9cf0", foreground="#c9ced3", strong="#eef1f3", muted="#98a2ab",
    background="#101316", surface="#171b1f", panel="#20262b", rule="#3a434b", cursor="#28323a", match="#353019",
    ok="#5ec269", warn="#e8b93a", error="#f0776c", bar="#2b3339", bar_hover="#3a434b",
    sources=("#5fafd7", "#d7af5f", "#87af87", "#b899dc", "#5fafaf", "#dc98ba", "#afaf5f", "#9c9ce0"),
)  # fmt: skip
_LIGHT = Palette(
    accent="#2a5f94", foreground="#2b3136", strong="#0c0f11", muted="#545d66",
    background="#f6f7f8", surface="#ebedef", panel="#dfe3e6", rule="#c0c7cd", cursor="#d5dde4", match="#f6ebc2",
    ok="#28682f", warn="#7d5100", error="#b3261e", bar="#c9d0d6", bar_hover="#aab4bd",
    sources=("#1a5a80", "#7d5100", "#2f6234", "#6b3c82", "#1a5f5f", "#8c3060", "#575714", "#44449a"), is_dark=False,
)  # fmt: skip
_CONTRAST = Palette(
    accent="#7fd4ff", foreground="#ffffff", strong="#ffffff", muted="#c8c8c8",
    background="#000000", surface="#000000", panel="#2a2a2a", rule="#9a9a9a", cursor="#00408a", match="#473a00",
    ok="#5dff6e", warn="#ffe14d", error="#ff8f85", bar="#7a7a7a", bar_hover="#b0b0b0",
    sources=("#7fd4ff", "#ffd27f", "#a8ff9a", "#e0a8ff", "#7fffff", "#ff9ad8", "#f0f07a", "#b0b8ff"),
)  # fmt: skip
# Blue, yellow and vermilion of Okabe and Ito: apart for every common kind of colour blindness, and in brightness too.
_COLOURBLIND = _DARK._replace(
    accent="#b9a8e8", ok="#56b4e9", warn="#f0e442", error="#ec8350", match="#2f2d4a",
    sources=("#9ad0f5", "#d9a441", "#40c9a0", "#d896c0", "#b9a8e8", "#b0b0b0"),
)  # fmt: skip
_MONO = Palette(
    accent="#e6e6e6", foreground="#c4c4c4", strong="#ffffff", muted="#a6a6a6",
    background="#101010", surface="#181818", panel="#262626", rule="#4a4a4a", cursor="#343434", match="#3c3c3c",
    ok="#c4c4c4", warn="#ffffff", error="#ffffff", bar="#343434", bar_hover="#4a4a4a",
    sources=("#c4c4c4", "#a6a6a6"),
)  # fmt: skip
DARK = _theme("dark", _DARK)
LIGHT = _theme("light", _LIGHT)
THEMES: dict[str, tuple[Theme, str]] = {
    "dark": (DARK, "dark colours"),
    "light": (LIGHT, "light colours"),
    "contrast": (_theme("contrast", _CONTRAST), "high contrast"),
    "colourblind": (_theme("colourblind", _COLOURBLIND), "colours that colour-blind people tell apart"),
    "mono": (_theme("mono", _MONO), "no colours, only weight"),
}
"""By the names of the setting `theme`, each with what it is in words."""
_ROLES: dict[str, tuple[str, bool]] = {
    "": ("foreground", False),
    "muted": ("muted", False),
    "rule": ("rule", False),
    "strong": ("strong", True),
    "ok": ("success", True),
    "warn": ("warning", True),
    "error": ("error", True),
    "accent": ("accent", False),
    "title": ("accent", True),
    "key": ("accent", True),
}
"""The theme variable of each role, and whether it is bold."""


def role_styles(variables: Mapping[str, str]) -> dict[str, Style]:
    """The style of every role under a theme's variables."""
    return {
        role: Style(color=Color.parse(variables[name]).rich_color, bold=bold) for role, (name, bold) in _ROLES.items()
    }


def background_style(variables: Mapping[str, str], name: str) -> Style:
    """A style that only sets the background."""
    return Style(bgcolor=Color.parse(variables[name]).rich_color)


def source_style(variables: Mapping[str, str], place: int) -> Style:
    """The colour of the name of one of several logs."""
    return Style(color=Color.parse(variables[f"source-{place % SOURCES}"]).rich_color)


def sheet(module_file: str) -> str:
    """The style sheet that stands beside a widget's module, read when the widget is first imported."""
    return Path(module_file).with_suffix(".tcss").read_text(encoding="utf-8")
