"""The kinds of GPU of a workbench: from the label that a person names to the id that an application is made with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from raytui.core.errors import ConfigurationError, Problem
from raytui.platforms.cai.api.client import ApiClient


class Label(msgspec.Struct, frozen=True):
    """One accelerator node label."""

    id: str
    key: str
    value: str
    is_offered: bool = True


class Accelerators:
    """The labels of one workbench, read once when the first is asked for."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._known: dict[str, str] = {}

    async def identity(self, name: str) -> str:
        """The id of the label that `name` means; raises `ConfigurationError` when it means none, or several."""
        if name not in self._known:
            labels = parse(await self._client.pages("ListAllAcceleratorNodeLabels", "accelerator_node_label"))
            found = find(name, labels)
            if isinstance(found, Problem):
                raise ConfigurationError.from_problems([found])
            self._known[name] = found.id
        return self._known[name]


def parse(rows: Iterable[Mapping[str, object]]) -> tuple[Label, ...]:
    """The labels of the listing; a row without an id is left out."""
    return tuple(
        Label(
            str(row["id"]),
            str(row.get("label_key") or ""),
            str(row.get("label_value") or ""),
            row.get("availability") is not False,
        )
        for row in rows
        if row.get("id")
    )


def find(name: str, labels: Iterable[Label], field: str = "workers.accelerator") -> Label | Problem:
    """The label that a person means: its whole value, `key=value`, or a part of the value that only one of them has.

    `A10G` is enough for `NVIDIA-A10G`. A problem says what there is where it means none, or several.
    """
    known = tuple(labels)
    wanted = name.strip().lower()
    found = [label for label in known if wanted in {label.value.lower(), f"{label.key}={label.value}".lower()}]
    found = found or [label for label in known if _has_part(label.value, wanted)]
    there = ", ".join(label.value for label in known) or "none at all"
    if not found:
        return Problem(field, f"the workbench has no accelerator {name}", f"it has: {there}")
    if len(found) > 1:
        several = ", ".join(f"{label.key}={label.value}" for label in found)
        return Problem(field, f"the workbench has several accelerators {name}", f"name one whole: {several}")
    if not found[0].is_offered:
        not_offered = f"the workbench does not offer the accelerator {found[0].value} now"
        return Problem(field, not_offered, f"it has: {there}")
    return found[0]


def _has_part(value: str, wanted: str) -> bool:
    """Whether the words of `wanted` stand in a value one behind the other."""
    words, parts = re.findall(r"[a-z0-9.]+", wanted), re.findall(r"[a-z0-9.]+", value.lower())
    return bool(words) and any(parts[n : n + len(words)] == words for n in range(len(parts)))
