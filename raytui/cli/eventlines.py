"""Events as lines of text, the same in `watch` and `events`."""

from __future__ import annotations

from raytui.cli.paint import Paint
from raytui.cli.table import one_line
from raytui.cli.view import short_name
from raytui.core.events import Event
from raytui.view.amounts import local_time
from raytui.view.words import SEVERITIES


def event_line(event: Event, cluster: str, paint: Paint) -> str:
    """When, how bad, who says it, of what, and what happened."""
    shape = paint(*SEVERITIES[event.severity])
    return (
        f"{local_time(event.at)} {shape} {event.author:<8} {short_name(one_line(event.subject), cluster):<10} "
        f"{one_line(event.message)}"
    )
