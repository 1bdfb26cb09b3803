"""Runtime images of the workbench: which exist, which one is meant, which is the newest that fits.

Pure functions over the listing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from raytui.core.observed.catalog import Runtime

_ENABLED = frozenset({"", "enabled", "available"})
_EDITORS = ("pbj workbench", "jupyterlab", "workbench")
"""Applications need no editor; where there is a choice, the leanest first."""


def parse(entries: Iterable[Mapping[str, object]]) -> tuple[Runtime, ...]:
    """The images of a listing."""
    return tuple(
        Runtime(
            identifier=str(entry.get("image_identifier") or ""),
            kernel=str(entry.get("kernel") or ""),
            editor=str(entry.get("editor") or ""),
            edition=str(entry.get("edition") or ""),
            version=str(entry.get("full_version") or ""),
            enabled=str(entry.get("status") or "").lower() in _ENABLED,
        )
        for entry in entries
    )


def nearest(identifier: str, runtimes: Iterable[Runtime], count: int = 3) -> list[str]:
    """Identifiers like the one that was given, for a hint."""
    known = [runtime.identifier for runtime in runtimes if runtime.enabled]
    close = difflib.get_close_matches(identifier, known, count, 0.6)
    return close or [name for name in known if identifier and identifier in name][:count]


def fitting(runtimes: Iterable[Runtime], *, gpu: bool, python: str = "") -> tuple[Runtime, ...]:
    """The enabled Python images, the newest first: of the given Python, with CUDA or without.

    Without one given any Python does; where every image has CUDA, one does for what needs no GPU.
    """
    enabled = [runtime for runtime in runtimes if runtime.enabled and runtime.python and python in {"", runtime.python}]
    same = [runtime for runtime in enabled if runtime.gpu == gpu]
    return tuple(sorted(same or ([] if gpu else enabled), key=rank, reverse=True))


def pythons(runtimes: Iterable[Runtime]) -> list[str]:
    """The Pythons of the enabled images, the oldest first."""
    return sorted({runtime.python for runtime in runtimes if runtime.enabled and runtime.python}, key=_numbers)


def rank(runtime: Runtime) -> tuple[list[int], list[int], int, str]:
    """Larger for a newer image; of equally new ones for the leaner."""
    editor = runtime.editor.lower()
    preference = -_EDITORS.index(editor) if editor in _EDITORS else -len(_EDITORS)
    return _numbers(runtime.version), _numbers(runtime.python), preference, runtime.identifier


def _numbers(text: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", text)]
