"""All colours of the console, once: two calm themes, and what each role of a line looks like in them.

One accent; the semantic colours mark states only. Roles that matter differ by weight too, so that they survive 16
colours and NO_COLOR.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.style import Style
from textual.color import Color
from textual.theme import Theme

DARK = Theme(
    name="raytui-dark",
    primary="#5f9cf0",
    secondary="#5f9cf0",
    accent="#5f9cf0",
    foreground="#c9ced3",
    background="#101316",
    surface="#171b1f",
    panel="#20262b",
    success="#5ec269",
    warning="#e8b93a",
    error="#f0776c",
    dark=True,
    variables={
        "muted": "#818b94",
        "rule": "#3a434b",
        "strong": "#eef1f3",
        "cursor": "#28323a",
        "match": "#4a4326",
        "block-cursor-background": "#28323a",
        "block-cursor-foreground": "#eef1f3",
        "block-cursor-text-style": "none",
        "input-cursor-background": "#c9ced3",
        "input-cursor-foreground": "#101316",
        "input-selection-background": "#5f9cf0 35%",
        "scrollbar": "#2b3339",
        "scrollbar-background": "#101316",
        "scrollbar-background-hover": "#101316",
        "scrollbar-background-active": "#101316",
        "scrollbar-hover": "#3a434b",
        "scrollbar-active": "#5f9cf0",
        "scrollbar-corner-color": "#101316",
    },
)
LIGHT = Theme(
    name="raytui-light",
    primary="#2a5f94",
    secondary="#2a5f94",
    accent="#2a5f94",
    foreground="#2b3136",
    background="#f6f7f8",
    surface="#ebedef",
    panel="#dfe3e6",
    success="#2f7438",
    warning="#8a5a00",
    error="#b3261e",
    dark=False,
    variables={
        "muted": "#66707a",
        "rule": "#c0c7cd",
        "strong": "#0c0f11",
        "cursor": "#d5dde4",
        "match": "#f0e2ae",
        "block-cursor-background": "#d5dde4",
        "block-cursor-foreground": "#0c0f11",
        "block-cursor-text-style": "none",
        "scrollbar": "#c9d0d6",
        "scrollbar-background": "#f6f7f8",
        "scrollbar-background-hover": "#f6f7f8",
        "scrollbar-background-active": "#f6f7f8",
        "scrollbar-hover": "#aab4bd",
        "scrollbar-active": "#2a5f94",
        "scrollbar-corner-color": "#f6f7f8",
    },
)
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


def sheet(module_file: str) -> str:
    """The style sheet that stands beside a widget's module, read when the widget is first imported."""
    return Path(module_file).with_suffix(".tcss").read_text(encoding="utf-8")
