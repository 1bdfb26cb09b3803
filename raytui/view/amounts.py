"""How numbers of a table read: one form for each kind of amount, empty where nothing was observed."""

from __future__ import annotations

from raytui.core.units import duration
from raytui.view.filters import Value


def percent(value: Value) -> str:
    """A share of one hundred: `12 %`."""
    return f"{value:.0f} %" if isinstance(value, int | float) else ""


def size(value: Value) -> str:
    """Bytes as GB with one decimal: `3.1 GB`."""
    return f"{value / 1e9:.1f} GB" if isinstance(value, int | float) else ""


def span(value: Value) -> str:
    """A span in seconds as an operator reads it: `8 s`, `4m05`, `2h14`, `3d02`."""
    return duration(value) if isinstance(value, int | float) else ""


def count(value: Value) -> str:
    """A number with its thousands apart: `53,572`."""
    return f"{value:,}" if isinstance(value, int | float) else ""


def used_of(used: int | None, total: int | None) -> str:
    """Use beside its total in GB: `3.1 / 8.0 GB`, the use alone where no total is known."""
    if used is None:
        return ""
    return f"{used / 1e9:.1f} / {total / 1e9:.1f} GB" if total else f"{used / 1e9:.1f} GB"
