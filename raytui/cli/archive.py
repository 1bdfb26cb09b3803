"""`logs --bundle`: what was packed, and a failure when the archive lacks what there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from raytui.cli.invocation import Invocation
from raytui.cli.loglines import number_of_logs
from raytui.cli.missing import Missing
from raytui.core.errors import OperationFailed
from raytui.core.logline import Query
from raytui.core.observed.snapshot import Snapshot
from raytui.logs.bundle import bundle
from raytui.logs.sources.folder import Folder

if TYPE_CHECKING:
    from raytui.core.secret import Secret
    from raytui.core.session import Logs, LogSource


async def pack(
    invocation: Invocation,
    logs: Logs | Folder,
    found: Sequence[LogSource],
    query: Query,
    archive: str,
    *,
    snapshot: Snapshot | None,
    missing: Missing,
    secrets: Sequence[Secret],
) -> None:
    """Pack logs and say what the archive holds.

    Raises `OperationFailed` when a log that there is could not be read; the archive is there then, with the others.
    """
    about = {} if snapshot is None else {"cluster": snapshot.cluster, "platform": snapshot.platform}
    known = tuple(missing.found)
    packed = await bundle(logs, found, query, archive, about=about, known=known, missed=missing.add, secrets=secrets)
    count, hidden = sum(entry.lines for entry in packed), sum(entry.redacted_lines for entry in packed)
    unread = [each for each in missing.found if not each.is_part]
    sentence = (
        f"{count:,} lines of {number_of_logs(len(packed))} were packed into {archive}; secrets were taken out of "
    )
    invocation.diagnostics.lines([f"{sentence}{hidden:,}, and {len(unread)} could not be read"])
    failed = [each for each in unread if not each.is_absent]
    if failed:
        more = f" and {len(failed) - 1} more" if failed[1:] else ""
        raise OperationFailed(
            f"{archive} is not complete: {failed[0].source}{more} could not be read: {failed[0].reason}",
            hint="what was read is in it, and its manifest names what is missing",
            reason="Incomplete",
        )
