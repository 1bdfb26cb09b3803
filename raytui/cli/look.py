"""One look at the cluster, printed: what `status`, and `raytui` without a terminal, do. Apart from the verbs, so that it costs no click."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from raytui.cli.invocation import Console, Invocation
from raytui.cli.view import status_lines
from raytui.core.conditions import Assessment
from raytui.core.report import status_document
from raytui.core.snapshot import Snapshot
from raytui.view.picture import picture_of

VERDICT_CODES = {"ok": 0, "degraded": 3, "down": 1, "unknown": 6}
ABSENT_CODE = 5


def show_status(invocation: Invocation, *, exit_code: bool) -> int:
    """Print one snapshot and answer 0, or the verdict's exit code when that was asked for."""
    settings = invocation.settings()
    session = invocation.session(settings)

    async def look() -> Snapshot:
        async with session:
            return await session.monitor.observe()

    snapshot = asyncio.run(look())
    picture = picture_of(snapshot)
    assessment = picture.assessment
    now, output = time.time(), invocation.output
    if output.json:
        output.document(status_document(snapshot, assessment, now))
    else:
        output.lines(status_lines(picture, now, output.paint))
    return verdict_code(assessment) if exit_code else 0


def verdict_code(assessment: Assessment) -> int:
    """The exit code that stands for a verdict."""
    return ABSENT_CODE if assessment.phase == "absent" else VERDICT_CODES[assessment.verdict]


_VALUES = {"-o": "form", "--output": "form", "--cluster": "cluster", "-p": "profile", "--profile": "profile", "--config": "config"}


def plain_status(arguments: Sequence[str], console: Console | None) -> tuple[Invocation, bool] | None:
    """The call and whether it wants an exit code, when the words are a plain `status` with known options; none for anything else.

    Scripts ask for the status every few seconds, and a tenth of its time would be the command line's machinery. Whatever is not
    obviously right (help, abbreviations, errors) is left to that machinery.
    """
    invocation, verbs, exit_code = Invocation(console), 0, False
    words = iter(arguments)
    for word in words:
        if word == "status":
            verbs += 1
        elif word == "--exit-code" and verbs:
            exit_code = True
        elif word in _VALUES:
            value = next(words, "-")
            if value.startswith("-") or (_VALUES[word] == "form" and value not in {"text", "json"}):
                return None
            setattr(invocation, _VALUES[word], value)
        else:
            return None
    return (invocation, exit_code) if verbs == 1 else None
