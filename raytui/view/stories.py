"""What is known of a row beside its fields: why it ended, who says so, and what to do; from the picture alone."""

from __future__ import annotations

from raytui.core.causes.things import cause_of
from raytui.core.causes.values import Evidence
from raytui.core.observed.joined import Member, join
from raytui.core.remedy import as_commands
from raytui.core.report import Document
from raytui.view.amounts import local_time
from raytui.view.picture import Picture


def story_fields(row: object, picture: Picture) -> Document:
    """The story of a row of any list as fields that stand above its own; none of what lives or does not die."""
    subject = row.application if isinstance(row, Member) else row
    cause = cause_of(Evidence(join(picture.snapshot)), subject)
    if cause is None:
        return {}
    fields: Document = {}
    for n, part in enumerate(cause.chain):
        at = f" at {local_time(part.at)}" if part.at else ""
        fields["because" + " of that" * (n - 1) if n else "story"] = f"{part.sentence}{at}"
    if not cause.certain and cause.is_death:
        fields["certain"] = "no: no witness names the cause, or they contradict each other"
    witnesses = [witness for part in cause.chain for witness in part.witnesses]
    for n, witness in enumerate(witnesses):
        fields[f"said {n + 1}" if len(witnesses) > 1 else "said"] = f"{witness.source}: {witness.said}"
    if cause.advice:
        fields["hint"] = as_commands(cause.advice)
    return fields
