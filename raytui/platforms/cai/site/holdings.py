"""Who holds what on the workbench, and what the person behind the key may hold: quotas, GPU labels, workloads.

API v2 knows quotas of users and groups and, for GPUs, of users by node label; there is none of a project. A constant
number of requests, whatever exists: one page of the workloads that run, and each question that cannot be answered is
named and takes none of the others with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from typing import Literal, NamedTuple, TypeVar

import msgspec

from raytui.core.errors import Failure, RaytuiError, Unreachable
from raytui.core.observed.holdings import Amounts, Held, Holdings, Label, Quota
from raytui.core.units import parse_time, sanitize
from raytui.platforms.cai.api.client import PAGE_SIZE, ApiClient
from raytui.platforms.cai.applications.records import Record, number
from raytui.platforms.cai.site.projects import parse as read_project

T = TypeVar("T")
ANSWER_S = 10.0
"""Seconds that each question may take, tries included: a status waits for it at most so long."""
_LIVING = "ing"
"""What the words of all states have in common in which a workload has not ended: the filter finds parts of words."""
_STATES = frozenset({"scheduling", "starting", "running", "stopping"})
_KIND_OF_LABEL = "NVIDIA-"
_LABELS, _USE = "accelerator_node_label", "user_accelerator_quota"
"""The fields that hold the rows of an answer."""
Row = Mapping[str, object]


class HoldingsReader:
    """Reads what is held, and keeps what does not change: who the key belongs to, and the project's name."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._user: str | None = None
        self._project: tuple[str, str] | None = None

    async def read(self, applications: Iterable[Record]) -> Holdings:
        """Everything that can be read now; never raises for an answer that does not come."""
        doubts = _Doubts()
        (user, (project, owner), workloads), (users, groups), (labels, use) = await asyncio.gather(
            asyncio.gather(
                doubts.ask(self._who(), "", "whose key this is"),
                doubts.ask(self._named(), ("", ""), "the project's name"),
                doubts.ask(self._workloads(), _Workloads((), 0), "the workloads", is_all=True),
            ),
            asyncio.gather(
                doubts.ask(self._rows("ListUsersQuota", "user_quota"), [], "the quota of the users"),
                doubts.ask(self._rows("ListGroupsQuota", "group_quota"), [], "the quota of the groups"),
            ),
            asyncio.gather(
                doubts.ask(self._rows("ListAllAcceleratorNodeLabels", _LABELS), [], "the kinds of GPU"),
                doubts.ask(self._rows("ListUsersAcceleratorQuota", _USE, paged=False), [], "the use of GPUs by kind"),
            ),
        )
        kinds = labels_of(labels, use, user)
        own = {app.name: app.accelerator for app in applications}
        held = held_of(workloads.rows, kinds, own=own, project=project)
        teams = {name for row in groups for name in _names(row.get("group"))}
        team = {row.group for row in held if row.project == project and row.group} | ({owner} & teams - {user})
        quotas = quotas_of(users, groups, user, team)
        if users and not quotas:
            doubts.unknown.append("which of the quotas counts for this project is not reported")
        # Whoever asked is known by the only row that an ordinary key is shown, too.
        user = user or next((quota.owner for quota in quotas if quota.kind == "user"), "")
        total = max(workloads.total, len(held))
        return Holdings(user, project, quotas, kinds, held, total, doubts.failure, tuple(doubts.unknown))

    async def _who(self) -> str:
        if self._user is None:
            answer = await self._client.call("ValidateAPIKey", body={"audience": "API"}, deadline=ANSWER_S)
            self._user = str(answer.get("username") or "")
        return self._user

    async def _named(self) -> tuple[str, str]:
        """The name of the project, and who owns it."""
        if self._project is None:
            project = read_project(await self._client.call("GetProject", deadline=ANSWER_S))
            self._project = project.name, project.owner
        return self._project

    async def _rows(self, operation: str, field: str, *, paged: bool = True) -> list[Row]:
        query = {"page_size": PAGE_SIZE} if paged else None
        return _objects(await self._client.call(operation, query=query, deadline=ANSWER_S), field)

    async def _workloads(self) -> _Workloads:
        query: dict[str, str | int] = {
            "page_size": PAGE_SIZE,
            "sort": "-created_at",
            "search_filter": msgspec.json.encode({"status": _LIVING}).decode(),
        }
        answer = await self._client.call("ListUsage", query=query, deadline=ANSWER_S)
        rows = _objects(answer, "usage_response")
        living = tuple(row for row in rows if _state_of(row) in _STATES)
        # Where the filter was not understood the total counts others, too.
        total = int(number(answer.get("total_count"))) if len(living) == len(rows) else len(living)
        return _Workloads(living, total)


class _Workloads(NamedTuple):
    rows: tuple[Row, ...]
    total: int
    """How many there are in all."""


class _Doubts:
    """What could not be read."""

    def __init__(self) -> None:
        self.unknown: list[str] = []
        self.failure: Failure | None = None
        """Why the list itself could not be read."""

    async def ask(self, question: Awaitable[T], otherwise: T, what: str, *, is_all: bool = False) -> T:
        """The answer; `otherwise`, and a sentence, when it does not come."""
        try:
            return await question
        except RaytuiError as error:
            self.unknown.append(f"{what} could not be read: {error.message}")
            if is_all:
                failure = Failure("platform", error.reason, error.message, error.hint)
                self.failure = error.failure if isinstance(error, Unreachable) else failure
            return otherwise


def quotas_of(users: list[Row], groups: list[Row], user: str, team: set[str]) -> tuple[Quota, ...]:
    """The quotas that count: that of the team which the project belongs to, else that of whoever asks.

    The owner of a project, or its workloads, tell its team. Of users an ordinary key is shown its own row alone.
    """
    if team:
        return tuple(
            quota
            for row in groups
            for name in [name for name in _names(row.get("group")) if name in team][:1]
            if (quota := _quota("group", name, row)) is not None
        )
    mine = [row for row in users if user and user in _names(row.get("user"))] or users
    if len(mine) != 1:
        return ()
    quota = _quota("user", user or next(iter(_names(mine[0].get("user"))), ""), mine[0])
    return () if quota is None else (quota,)


def labels_of(labels: Iterable[Row], use: Iterable[Row], user: str) -> tuple[Label, ...]:
    """The kinds of GPU with their use by user."""
    found = []
    rows = list(use)
    for label in labels:
        identity = str(label.get("id") or "")
        mine = [row for row in rows if str(row.get("accelerator_id") or "") == identity]
        own = next((row for row in mine if row.get("username") == user), mine[0] if len(mine) == 1 else {})
        found.append(
            Label(
                identity,
                _text(label.get("label_value")).removeprefix(_KIND_OF_LABEL) or "GPU",
                _amount(label.get("max_gpu_count")) or None,
                tuple(
                    (_text(row.get("username")), amount)
                    for row in mine
                    if (amount := _amounts(row.get("quota_usage")).gpus)
                ),
                _limits(own.get("quota_configured")).gpus,
            )
        )
    return tuple(found)


def held_of(
    rows: Iterable[Row], labels: tuple[Label, ...], *, own: Mapping[str, str], project: str
) -> tuple[Held, ...]:
    """The workloads that have not ended, each with the kind of its GPUs where that is certain.

    The list of workloads names no kind. `own` gives the id of the kind by name of an application of this project; of a
    user whose GPUs are all of one kind every workload with GPUs has that; and where there is one kind only, all have.
    """
    names = {label.id: label.name for label in labels}
    kinds: dict[str, set[str]] = {}
    for kind in labels:
        for user, _ in kind.used:
            kinds.setdefault(user, set()).add(kind.name)
    found = []
    for row in rows:
        user, name, of_project = _user_of(row), _text(row.get("name")), _text(row.get("project_name"))
        gpus = _amount(row.get("nvidia_gpu"))
        label = names.get(own.get(name, ""), "") if of_project == project else ""
        known = {label} if label else kinds.get(user, set())
        if len(known) != 1 and len(names) == 1:
            known = set(names.values())
        label = next(iter(known)) if gpus and len(known) == 1 else ""
        found.append(
            Held(
                _text(row.get("id")), user, of_project, name, _state_of(row), _text(row.get("workload_type")).lower(),
                _text(row.get("group")), _amount(row.get("cpu")), _amount(row.get("memory")), gpus, label,
                parse_time(str(row.get("created_at") or "")),
            )
        )  # fmt: skip
    return tuple(found)


def _quota(kind: Literal["user", "group"], owner: str, row: Row) -> Quota | None:
    configured = row.get("quota_configured")
    if not isinstance(configured, dict):
        return None
    return Quota(kind, owner, _limits(configured), _amounts(row.get("quota_usage")))


def _amounts(answer: object) -> Amounts:
    if not isinstance(answer, dict):
        return Amounts()
    return Amounts(_amount(answer.get("cpu")), _amount(answer.get("memory")), _amount(answer.get("nvidia_gpu")))


def _limits(answer: object) -> Amounts:
    """Limits; 0 and nothing both stand for none: that a limit of 0 forbids everything is not known."""
    answer = _amounts(answer)
    return Amounts(answer.cpu or None, answer.memory or None, answer.gpus or None)


def _amount(value: object) -> float | None:
    """A number of the API; none where none was reported."""
    return None if value is None or value == "" else number(value)


def _names(owner: object) -> list[str]:
    if not isinstance(owner, dict):
        return []
    return [text for field in ("user_name", "name") if (text := _text(owner.get(field)))]


def _user_of(row: Row) -> str:
    info = row.get("creator_info")
    named = _text(info.get("user_name")) if isinstance(info, dict) else ""
    return named or _text(row.get("creator"))


def _state_of(row: Row) -> str:
    """The word without the prefix that some answers give it: ENGINE_RUNNING is running."""
    return _text(row.get("status")).lower().rpartition("_")[2]


def _objects(answer: object, field: str) -> list[Row]:
    rows = answer.get(field) if isinstance(answer, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _text(value: object) -> str:
    return " ".join(sanitize(value).split())[:120] if isinstance(value, str) else ""
