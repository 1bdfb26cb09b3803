"""How one application is made exactly once: what in a list answers the request, what is a copy, what is taken back.

Ours is adopted, and of two the older is kept: another run that made the same at the same moment keeps the older one
too.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from raytui.core.errors import OperationFailed
from raytui.core.protocols.platform import CreateRequest
from raytui.core.remedy import Hint, Remedy
from raytui.platforms.cai.api.client import ApiClient
from raytui.platforms.cai.api.exactly_once import Create, Listing
from raytui.platforms.cai.applications.ending import LIVE
from raytui.platforms.cai.applications.records import Listed, Record, create_body, parse


class Creation:
    """One create of one application."""

    def __init__(
        self,
        client: ApiClient,
        request: CreateRequest,
        environment: Mapping[str, str],
        *,
        read_list: Callable[[], Awaitable[Listed]],
        remove: Callable[[list[Record]], Awaitable[None]],
        until: float = math.inf,
    ) -> None:
        """`remove` deletes copies that a lost answer made. From `until` on (loop time) nothing is sent again."""
        self._request = request
        self._read_list = read_list
        self._remove = remove
        self._create = Create(
            client,
            "CreateApplication",
            {"name": request.name},
            create_body(request, client.workbench.project_id, {**request.environment, **environment}),
            what=f"{request.name} was created",
            parse=self._parse,
            find=self._find,
            confirm=True,
            until=until,
            hint=(
                Remedy("status", f"--cluster {request.marker.cluster}", "shows it when the platform answers"),
                Remedy("stop", "", "removes it"),
            ),
        )

    async def run(self) -> Record:
        """Make it. Raises the error of the last attempt, or `OutcomeUnknown` when it is not known what exists."""
        return await self._create.run()

    def give_up(self) -> None:
        """Send nothing more; what was sent is still looked for."""
        self._create.give_up()

    @property
    def name(self) -> str:
        """Name of the application."""
        return self._request.name

    @property
    def may_exist(self) -> bool:
        """Whether anything may have been made."""
        return self._create.is_doubtful or self._create.answered is not None

    @property
    def ids(self) -> frozenset[str]:
        """What answers named: it exists, whatever a list shows."""
        answered = self._create.answered
        return frozenset() if answered is None else frozenset({answered.id})

    def made(self, record: Record) -> bool:
        """Whether a listed application comes of this create; one of another run is never ours to take back."""
        if record.id in self.ids:
            return True
        run = self._request.marker.run
        return bool(run) and record.name == self._request.name and record.ours and record.marker == self._request.marker

    def _parse(self, payload: Mapping[str, object]) -> Record | None:
        record = parse(payload)
        # What the answer leaves out is as it was asked for.
        marker = record.marker or self._request.marker
        return msgspec.structs.replace(record, name=self._request.name, marker=marker) if record.id else None

    async def _find(self) -> Listing[Record]:
        listed = await self._read_list()
        named = [record for record in listed.records if record.name == self._request.name]
        ours = self._ours(named)
        if ours:
            await self._remove([record for record in ours[1:] if self.made(record)])
            return Listing(ours[0])
        return Listing(
            taken=_taken(named[0]) if named else None,
            is_foreign=not any(record.ours for record in named),
            unread=f"{listed.unread} entries of the list of applications cannot be read" if listed.unread else "",
        )

    def _ours(self, named: list[Record]) -> list[Record]:
        """What answers the request, the oldest first.

        From the list, and from a good answer that the list does not show yet.
        """
        answered = self._create.answered
        hidden = [answered] if answered is not None and answered.id not in {record.id for record in named} else []
        ours = [record for record in [*named, *hidden] if record.id in self.ids or _answers(record, self._request)]
        return sorted(ours, key=lambda record: (record.created_at or float("inf"), record.id))


def _answers(record: Record, request: CreateRequest) -> bool:
    """Whether a listed application is what a request asked for.

    Made by this run, or alive and the same but for the run that made it.
    """
    if record.marker is None or not record.ours:
        return False
    if request.marker.run and record.marker == request.marker:
        return True
    return record.state in LIVE and msgspec.structs.replace(record.marker, run="") == msgspec.structs.replace(
        request.marker, run=""
    )


def _taken(record: Record) -> OperationFailed:
    owner = f"is ours already, {record.state}" if record.ours else "exists and is not ours; it is left alone"
    ours = (Remedy("status", "", "shows it"), Remedy("stop", "", "removes it"))
    hint: Hint = ours if record.ours else "choose another cluster name with --cluster"
    return OperationFailed(
        f"{record.name} was not created: an application of this name {owner}", hint=hint, reason="Conflict"
    )
