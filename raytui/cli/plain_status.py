"""One look at the cluster, printed: what `status`, and `raytui` without a terminal, do.

Apart from the verbs, so that it costs no click.
"""

from __future__ import annotations

import time

from raytui.cli.invocation import Invocation
from raytui.cli.observation import observe_once
from raytui.core.conditions import Assessment, assess
from raytui.core.report import status_document

VERDICT_CODES = {"ok": 0, "degraded": 3, "down": 1, "unknown": 6}
ABSENT_CODE = 5


def show_status(invocation: Invocation, *, exit_code: bool) -> int:
    """Print one snapshot and answer 0, or the verdict's exit code when that was asked for."""
    settings = invocation.settings()
    snapshot = observe_once(invocation.session(settings))
    now, output = time.time(), invocation.output
    if output.json:
        assessment = assess(snapshot)
        output.document(status_document(snapshot, assessment, now))
    else:
        from raytui.cli.view import status_lines  # tables, which only people are shown
        from raytui.view.picture import picture_of

        picture = picture_of(snapshot)
        assessment = picture.assessment
        output.lines(status_lines(picture, now, output.paint))
    return verdict_code(assessment) if exit_code else 0


def verdict_code(assessment: Assessment) -> int:
    """The exit code that stands for a verdict."""
    return ABSENT_CODE if assessment.phase == "absent" else VERDICT_CODES[assessment.verdict]
