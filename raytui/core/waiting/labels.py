"""Label selectors as Ray reads them (python/ray/_private/label_utils.py; autoscaler/v2/scheduler.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Labels = Mapping[str, str]


def is_selected(labels: Labels, selectors: Sequence[Labels]) -> bool:
    """Whether a node with these labels satisfies one of the selectors; where none is given every node does."""
    return not selectors or any(
        all(_holds(labels.get(key), wanted) for key, wanted in selector.items()) for selector in selectors
    )


def _holds(value: str | None, wanted: str) -> bool:
    """A label that the node lacks satisfies no `in` and every `!in`."""
    negated = wanted.startswith("!")
    plain = wanted.removeprefix("!")
    if plain.startswith("in(") and plain.endswith(")"):
        values = {part.strip() for part in plain[3:-1].split(",")}
    else:
        values = {plain}
    return (value in values) is not negated
