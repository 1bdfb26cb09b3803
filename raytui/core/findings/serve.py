"""What is wrong with Ray Serve: deployments whose replicas do not start, die or are not healthy."""

from __future__ import annotations

from collections.abc import Iterator

from raytui.core.causes.excerpts import error_line, first_line
from raytui.core.causes.serve import of_deployment
from raytui.core.causes.values import Cause, Evidence
from raytui.core.condition import Condition
from raytui.core.observed.joined import Joined
from raytui.core.observed.workload import ServeDeployment
from raytui.core.remedy import Remedy, parts


def of_serve(joined: Joined) -> Iterator[Condition]:
    """Deployments that fail, each with the error of its replicas where Ray tells it, or with why they died."""
    evidence = Evidence(joined)
    for deployment in joined.snapshot.serve.value or ():
        cause = of_deployment(evidence, deployment)
        if cause is None:
            continue
        words = next(
            (part.rstrip(", ").removesuffix(", or") for part in parts(cause.advice) if isinstance(part, str)), ""
        )
        story = Remedy("explain", cause.subject, "tells the whole story")
        hint = (f"{words}; ", story) if words else story
        yield Condition("warning", cause.subject, "ServeUnhealthy", _message(deployment, cause), hint)


def _message(deployment: ServeDeployment, cause: Cause) -> str:
    what = "Serve deployment" if deployment.name else "Serve application"
    if cause.because_of is not None:
        return f"{what} {cause.whole.partition(f' {cause.subject} ')[2]}"
    reason = error_line(deployment.message) if cause.kind == "exception" else first_line(deployment.message)
    return f"{what} is {deployment.status}" + (f": {reason}" if reason else "")
