"""One value of a setting, out of a flag, a variable or a file: of the right type, or what is wrong with it in words."""

from __future__ import annotations

import math

from raytui.config.fields import Field, Value

_LONGEST = 15
"""Digits of a whole number that somebody may mean; Python itself refuses to print or read very long ones."""
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def from_text(field: Field, text: str) -> Value:
    """The value that a flag or variable says; raises ValueError with what is wrong as a sentence."""
    if field.kind in {"text", "path"}:
        return _chosen(field, text)
    word = text.strip()
    if field.kind == "switch":
        if word.lower() in _TRUE | _FALSE:
            return word.lower() in _TRUE
    elif field.kind == "port" and word == "auto":
        return word
    else:
        number = _number(word, whole=field.kind != "number")
        if number is not None:
            return number
    raise ValueError(f"{_short(text)!r} is not {field.wanted}")


def from_toml(field: Field, value: object) -> Value:
    """The value of a file, of the right type; raises ValueError with what is wrong as a sentence."""
    if field.kind == "switch" and isinstance(value, bool):
        return value
    if not isinstance(value, bool):
        if isinstance(value, str) and (field.kind in {"text", "path"} or (field.kind == "port" and value == "auto")):
            return _chosen(field, value)
        if isinstance(value, int) and field.kind in {"whole", "port"} and abs(value) < 10**_LONGEST:
            return value
        if isinstance(value, int | float) and field.kind == "number":
            return _float(value)
    raise ValueError(f"must be {field.wanted}, not {describe(value)}")


def describe(value: object) -> str:
    """A TOML value as a person calls it."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) >= 10**_LONGEST:
        return f"a number of more than {_LONGEST} digits"
    return f'the text "{_short(value)}"' if isinstance(value, str) else _short(str(value))


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."


def _chosen(field: Field, text: str) -> str:
    if field.choices and text not in field.choices:
        raise ValueError(f"{_short(text)!r} is not {field.wanted}")
    return text


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ValueError("is no number that a computer can hold") from None


def _number(text: str, *, whole: bool) -> float | int | None:
    try:
        if whole:
            return int(text) if len(text) <= _LONGEST + 1 else None
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
