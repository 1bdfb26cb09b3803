"""How numbers of a table read: one form for each kind of amount, empty where nothing was observed."""

from __future__ import annotations

from datetime import datetime

from raytui.core.units import duration
from raytui.view.filters import Value


def percent(value: Value) -> str:
    """A share of one hundred: `12 %`."""
    return f"{value:.0f} %" if isinstance(value, int | float) else ""


def size(value: Value) -> str:
    """Bytes as GB with one decimal: `3.1 GB`."""
    return f"{value / 1e9:.1f} GB" if isinstance(value, int | float) else ""


def gigabytes(value: Value) -> str:
    """An amount that is in GB already, without needless decimals: `16`, `23.1`."""
    return f"{round(value, 1):g}" if isinstance(value, int | float) else ""


def used_of(used: int | None, total: int | None) -> str:
    """Use beside its total in GB: `3.1 / 8 GB`, the use alone where no total is known."""
    if used is None:
        return ""
    return f"{used / 1e9:.1f} / {total / 1e9:.0f} GB" if total else f"{used / 1e9:.1f} GB"


def share(used: float | None, total: float | None) -> float | None:
    """Use in percent of its total; none where either is unknown."""
    return None if used is None or not total else 100.0 * used / total


def span(value: Value) -> str:
    """A span in seconds as an operator reads it: `8 s`, `4m05`, `2h14`, `3d02`."""
    return duration(value) if isinstance(value, int | float) else ""


def running_time(value: Value) -> str:
    """A running time in steps of a minute, so that it changes rarely: `4m`, `2h14`, `3d02`."""
    if not isinstance(value, int | float):
        return ""
    return f"{int(max(0.0, value)) // 60}m" if value < 3600 else duration(value)


def local_time(value: Value) -> str:
    """A time as this machine's clock shows it, with the date, since nights are long."""
    if not isinstance(value, int | float) or not value:
        return ""
    return datetime.fromtimestamp(value).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def time_of_day(seconds: float, now: float) -> str:
    """The time as `local_time` has it, with only as much of the date as tells it from the day of `now`."""
    whole, today = local_time(seconds), local_time(now)
    if whole[:10] == today[:10]:
        return whole[11:]
    return whole[5:] if whole[:4] == today[:4] else whole


def shortened(length: int) -> _Shortened:
    """An id by its beginning; documents and filters have it whole."""
    return _Shortened(length)


class _Shortened:
    def __init__(self, length: int) -> None:
        self._length = length

    def __call__(self, value: Value) -> str:
        return str(value)[: self._length] if value is not None else ""
