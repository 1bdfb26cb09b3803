"""The `start` that would work, as a line to copy: what `doctor` ends with.

Only images are put right, because there a better one is known; what else keeps a start from working is for people to
decide.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

import msgspec

from raytui.cli.invocation import Invocation
from raytui.config.fields import BOTH_RUNTIMES, BY_PATH
from raytui.core.protocols.platform import Check
from raytui.core.spec import WORKER, ClusterSpec

_IMAGE = "runtime_identifier"


def mended(spec: ClusterSpec, checks: Iterable[Check]) -> tuple[ClusterSpec, dict[str, str]]:
    """The spec with the first image that fits wherever its own does not, and those images by their fields."""
    images = {
        check.field: check.choices[0]
        for check in checks
        if check.status in {"warn", "fail"} and check.field.endswith(f".{_IMAGE}") and check.choices
    }
    for field, image in images.items():
        part = field.removesuffix(f".{_IMAGE}")
        if part == "head":
            spec = msgspec.structs.replace(spec, head=msgspec.structs.replace(spec.head, runtime_identifier=image))
        else:
            group = WORKER if part == "workers" else part.removeprefix("groups.")
            workers = msgspec.structs.replace(spec.all_groups[group], runtime_identifier=image)
            spec = spec.with_group(group, workers)
    if "head.runtime_identifier" in images and not spec.workers.count and not spec.workers.runtime_identifier:
        # A head alone names an image for its workers all the same: they may come later.
        images["workers.runtime_identifier"] = images["head.runtime_identifier"]
        workers = msgspec.structs.replace(spec.workers, runtime_identifier=images["head.runtime_identifier"])
        spec = spec.with_group(WORKER, workers)
    return spec, images


def start_line(invocation: Invocation, flags: Mapping[str, object], images: Mapping[str, str]) -> str:
    """The command with what was given, and these images in place of others."""
    given = {path: value for path, value in flags.items() if value is not None}
    both = given.pop(BOTH_RUNTIMES.path, None)
    for path in ("head", "workers"):
        field = f"cluster.{path}.{_IMAGE}"
        image = images.get(f"{path}.{_IMAGE}") or given.get(field) or both
        if image:
            given[field] = image
    head, workers = (given.get(f"cluster.{part}.{_IMAGE}") for part in ("head", "workers"))
    words = ["raytui", "start", *_global(invocation)]
    if head and head == workers:
        del given[f"cluster.head.{_IMAGE}"], given[f"cluster.workers.{_IMAGE}"]
        words += [BOTH_RUNTIMES.flag, str(head)]
    for path, value in given.items():
        known = BY_PATH[path]
        words += [known.flag] if known.kind == "switch" else [known.flag, str(value)]
    return shlex.join(words)


def _global(invocation: Invocation) -> list[str]:
    named = (
        ("--config", invocation.config),
        ("--profile", invocation.profile),
        ("--project", invocation.project),
        ("--cluster", invocation.cluster),
    )
    return [word for flag, value in named if value for word in (flag, value)]
