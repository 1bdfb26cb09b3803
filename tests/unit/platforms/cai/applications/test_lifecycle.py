"""Doubtful creates are settled by the listing, waits end by what is listed, and nothing foreign is ever touched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from raytui.core.errors import DeadlineExceeded, NotAllowed, NotFound, OperationFailed, OutcomeUnknown, Unreachable
from raytui.core.marker import Marker, describe
from raytui.core.observed.snapshot import Application
from raytui.core.protocols.platform import CreateRequest
from raytui.core.remedy import as_commands
from raytui.platforms.cai.api.transport import Answer, TransportError
from raytui.platforms.cai.applications.lifecycle import Lifecycle
from raytui.platforms.cai.applications.records import parse, to_application
from tests.unit.platforms.cai.scripted import FAST, Call, Reply, Scripted, bad, client_over, ok

MARKER = Marker("c", "worker", 1, "d1gest", run="run1")
REQUEST = CreateRequest("c-worker-1", MARKER, 1.0, 2.0, 0, {"RAYTUI_CLUSTER": "c"}, "image:1", "worker.py", "{}")


def listed(
    identity: str, marker: Marker | None = MARKER, name: str = "c-worker-1", status: str = "running", created: int = 0
) -> dict[str, Any]:
    description = describe(marker) if marker else "somebody's"
    return {
        "id": identity,
        "name": name,
        "description": description,
        "status": status,
        "created_at": f"2026-11-24T00:00:{created:02}Z",
    }


class World(Scripted):
    """Applications behind a script: what a create, stop, restart or delete does is up to each test."""

    def __init__(self, *entries: dict[str, Any], **script: Any) -> None:
        self.entries = list(entries)
        super().__init__(
            **{
                "ListApplications": self._list,
                "DeleteApplication": self._delete,
                "StopApplication": self._stop,
                **script,
            }
        )

    def _list(self, _: Call) -> Answer:
        return ok({"applications": self.entries})

    def _delete(self, call: Call) -> Answer:
        self.entries = [entry for entry in self.entries if entry["id"] != call[1]["application_id"]]
        return ok()

    def _stop(self, call: Call) -> Answer:
        for entry in self.entries:
            if entry["id"] == call[1]["application_id"]:
                entry["status"] = "stopped"
        return ok()

    def makes(self, entry: dict[str, Any], reply: Reply) -> Callable[[Call], Reply]:
        """A create that is carried out and answered so."""

        def create(_: Call) -> Reply:
            self.entries.append(entry)
            return reply

        return create

    @property
    def ids(self) -> list[str]:
        return [entry["id"] for entry in self.entries]


def application(entry: dict[str, Any]) -> Application:
    return to_application(parse(entry), "https://x")


LOST = [
    TransportError("lost"),
    TransportError("timeout"),
    bad(500),
    bad(502),
    bad(504),
    Answer(200, {}, b"<html>busy</html>"),
    Answer(200, {}, b"{"),
    ok({}),
]


@pytest.mark.parametrize("reply", LOST, ids=str)
async def test_a_create_whose_answer_was_lost_is_found_and_not_sent_again(reply: Reply) -> None:
    world = World()
    world.script["CreateApplication"] = world.makes(listed("a"), reply)
    record = await Lifecycle(client_over(world)).create(REQUEST, {})
    assert record.id == "a"
    assert world.count("CreateApplication") == 1


@pytest.mark.parametrize(
    "reply", [*LOST, bad(429), bad(302, location="/login"), TransportError("refused", sent=False)], ids=str
)
async def test_a_create_that_was_not_carried_out_is_sent_again(reply: Reply) -> None:
    world = World()
    world.script["CreateApplication"] = lambda call: (
        reply if world.count("CreateApplication") == 1 else world.makes(listed("b"), ok({"id": "b"}))(call)
    )
    assert (await Lifecycle(client_over(world)).create(REQUEST, {})).id == "b"
    assert world.ids == ["b"]


async def test_a_create_that_comes_late_behind_a_gateway_is_waited_for() -> None:
    world = World()
    looks = 0

    def look(_: Call) -> Answer:
        nonlocal looks
        looks += 1
        return ok({"applications": [listed("late")] if looks > 5 else []})

    world.script.update(CreateApplication=bad(504), ListApplications=look)
    assert (await Lifecycle(client_over(world)).create(REQUEST, {})).id == "late"
    assert world.count("CreateApplication") == 1


async def test_of_two_made_by_one_create_the_older_is_kept() -> None:
    world = World()

    def twice(_: Call) -> Answer:
        world.entries += [listed("young", created=2), listed("old", created=1)]
        return ok({"id": "young"})

    world.script["CreateApplication"] = twice
    assert (await Lifecycle(client_over(world)).create(REQUEST, {})).id == "old"
    assert world.ids == ["old"]


async def test_the_copy_of_another_run_is_left_to_that_run() -> None:
    theirs = msgspec.structs.replace(MARKER, run="run2")
    world = World(listed("theirs", theirs, created=5))
    world.script["CreateApplication"] = world.makes(listed("mine", created=1), ok({"id": "mine"}))
    assert (await Lifecycle(client_over(world)).create(REQUEST, {})).id == "mine"
    assert world.ids == ["theirs", "mine"]


async def test_a_refusal_adopts_what_another_run_made_at_the_same_moment() -> None:
    world = World(
        listed("theirs", msgspec.structs.replace(MARKER, run="run2"), status="starting"),
        CreateApplication=bad(409, "already exists"),
    )
    assert (await Lifecycle(client_over(world)).create(REQUEST, {})).id == "theirs"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (listed("f", None), "exists and is not ours"),
        (listed("f", msgspec.structs.replace(MARKER, spec="other", run="old")), "is ours already"),
        (listed("f", msgspec.structs.replace(MARKER, run="old"), status="stopped"), "is ours already"),
    ],
)
async def test_a_refusal_because_of_another_application_names_it_and_touches_nothing(
    entry: dict[str, Any], words: str
) -> None:
    world = World(entry, CreateApplication=bad(409, "already exists"))
    with pytest.raises(OperationFailed, match=words) as caught:
        await Lifecycle(client_over(world)).create(REQUEST, {})
    assert caught.value.reason == "Conflict"
    assert world.ids == ["f"]
    assert world.count("DeleteApplication") == 0


async def test_a_refusal_without_such_an_application_is_told_in_the_servers_words_and_not_repeated() -> None:
    world = World(CreateApplication=bad(400, "script 'worker.py' not found in project directory"))
    with pytest.raises(
        OperationFailed, match=r"refused to create the application c-worker-1: script 'worker\.py' not found"
    ):
        await Lifecycle(client_over(world)).create(REQUEST, {})
    assert world.count("CreateApplication") == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_ends_a_create_at_once(status: int) -> None:
    world = World(CreateApplication=bad(status))
    with pytest.raises(NotAllowed):
        await Lifecycle(client_over(world)).create(REQUEST, {})
    assert world.count("ListApplications") == 0


async def test_what_an_answer_named_is_not_lost_to_a_key_that_expires_before_the_list_is_read() -> None:
    """An error would say that nothing was made, and nobody would take it back."""
    world = World(CreateApplication=ok({"id": "a"}), ListApplications=bad(401))
    assert (await Lifecycle(client_over(world)).create(REQUEST, {})).id == "a"


@pytest.mark.parametrize("reply", LOST, ids=str)
async def test_a_lost_answer_and_a_key_that_expires_leave_it_unknown_what_exists(reply: Reply) -> None:
    world = World(CreateApplication=reply, ListApplications=bad(401))
    with pytest.raises(OutcomeUnknown, match=r"not known whether c-worker-1 was created: .*refused the API key"):
        await Lifecycle(client_over(world)).create(REQUEST, {})
    assert world.count("CreateApplication") == 1


async def test_when_neither_answer_nor_list_comes_the_error_says_what_may_exist() -> None:
    world = World(CreateApplication=TransportError("lost"), ListApplications=bad(500))
    with pytest.raises(OutcomeUnknown, match="not known whether c-worker-1 was created") as caught:
        await Lifecycle(client_over(world)).create(REQUEST, {})
    assert "raytui stop removes it" in as_commands(caught.value.hint)


async def test_a_failing_server_is_asked_a_limited_number_of_times() -> None:
    world = World(CreateApplication=bad(500, "boom"))
    with pytest.raises(Unreachable, match="boom"):
        await Lifecycle(client_over(world)).create(REQUEST, {})
    assert world.count("CreateApplication") == FAST.attempts


async def test_a_refusal_that_follows_a_lost_work_is_settled_when_the_list_has_caught_up() -> None:
    world = Lagging(looks=2)
    world.script["CreateApplication"] = world.makes(listed("a"), bad(409, "already exists"))
    assert (await Lifecycle(client_over(world, msgspec.structs.replace(FAST, lag=0.5))).create(REQUEST, {})).id == "a"


async def test_a_lost_create_is_not_sent_again_while_the_list_may_lag_behind() -> None:
    world = Lagging()
    world.script["CreateApplication"] = world.makes(listed("a"), bad(500))
    timing = msgspec.structs.replace(FAST, late=0.0, lag=5.0)
    assert (await Lifecycle(client_over(world, timing)).create(REQUEST, {})).id == "a"
    assert world.count("CreateApplication") == 1


async def test_an_older_copy_on_the_list_is_kept_though_the_list_does_not_show_the_younger_yet() -> None:
    old, young = listed("old", created=1), listed("young", created=2)
    world = Lagging(young, CreateApplication=ok(young))
    world.script["ListApplications"] = lambda _: ok({"applications": [old]})
    assert (await Lifecycle(client_over(world)).create(REQUEST, {})).id == "old"
    assert world.ids == []


async def test_an_answer_without_a_description_is_what_was_asked_for() -> None:
    record = await Lifecycle(client_over(World(CreateApplication=ok({"id": "new"})))).create(REQUEST, {})
    assert (record.id, record.name, record.marker) == ("new", "c-worker-1", MARKER)


async def test_a_list_with_entries_that_cannot_be_read_proves_no_absence() -> None:
    world = World(CreateApplication=bad(500), ListApplications=ok({"applications": [{"id": "x", "name": None}, 5]}))
    with pytest.raises(OutcomeUnknown, match="2 entries of the list of applications cannot be read"):
        await Lifecycle(client_over(world)).create(REQUEST, {})


async def test_a_damaged_entry_takes_none_of_the_others_with_it_and_is_counted() -> None:
    good = listed("a")
    odd = [
        None,
        5,
        {**good, "id": None},
        {**good, "name": None},
        {**good, "id": "b", "cpu": "1e999", "environment": None, "created_at": None},
    ]
    lifecycle = Lifecycle(client_over(World(*odd, good)))  # type: ignore[arg-type]
    assert [record.id for record in await lifecycle.records()] == ["b", "a"]
    assert lifecycle.unread == 4


async def test_an_odd_variable_of_the_project_does_not_hide_our_own() -> None:
    entry = {**listed("a"), "environment": '{"THEIRS": "\\ud800", "RAYTUI_SPEC": "{}"}'}
    (record,) = await Lifecycle(client_over(World(entry))).records()
    assert record.environment == {"RAYTUI_SPEC": "{}"}


async def test_a_good_answer_stands_while_the_list_lags_behind() -> None:
    world = World(CreateApplication=ok(listed("new")))
    assert (await Lifecycle(client_over(world)).create(REQUEST, {})).id == "new"


async def test_a_cancelled_create_takes_back_what_it_made() -> None:
    world = World()
    begun, gate = asyncio.Event(), asyncio.Event()
    plain = world.call

    async def call(operation: str, *words: Any, **options: Any) -> Answer:
        if operation == "CreateApplication":
            begun.set()
            await gate.wait()
        return await plain(operation, *words, **options)

    world.call = call  # type: ignore[method-assign]
    world.script["CreateApplication"] = world.makes(listed("a"), ok({"id": "a"}))
    task = asyncio.create_task(Lifecycle(client_over(world)).create(REQUEST, {}))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.ids == []


class Gated(World):
    """A create that is held until it is let go."""

    def __init__(self, *entries: dict[str, Any], **script: Any) -> None:
        super().__init__(*entries, **script)
        self.begun, self.gate = asyncio.Event(), asyncio.Event()

    async def call(self, operation: str, *words: Any, **options: Any) -> Answer:
        if operation == "CreateApplication":
            self.begun.set()
            await self.gate.wait()
        return await super().call(operation, *words, **options)

    async def cancelled(self, times: int = 1) -> None:
        """Begin a create and cancel it while it is on its way."""
        task = asyncio.create_task(Lifecycle(client_over(self)).create(REQUEST, {}))
        await self.begun.wait()
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        self.gate.set()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("reply", LOST, ids=str)
async def test_a_cancelled_create_whose_answer_was_lost_takes_back_what_it_made_and_sends_nothing_more(
    reply: Reply,
) -> None:
    world = Gated()
    world.script["CreateApplication"] = world.makes(listed("a"), reply)
    await world.cancelled()
    assert (world.ids, world.count("CreateApplication")) == ([], 1)


async def test_a_cancelled_create_that_nothing_came_of_is_not_sent_again() -> None:
    world = Gated(CreateApplication=bad(500))
    await world.cancelled()
    assert world.count("CreateApplication") == 1


async def test_a_cancelled_create_takes_back_what_no_list_shows_yet() -> None:
    world = Gated()
    world.script["CreateApplication"] = world.makes(listed("a"), ok({"id": "a"}))
    world.script["ListApplications"] = ok({"applications": []})
    await world.cancelled(times=3)
    assert world.ids == []


async def test_a_cancelled_create_that_ended_doubtful_deletes_what_the_list_shows_afterwards() -> None:
    world = Gated()
    world.script["CreateApplication"] = world.makes(listed("a"), TransportError("lost"))
    plain = world._list
    # The list fails for as long as the create looks, and answers afterwards.
    world.script["ListApplications"] = lambda call: plain(call) if task_is_over() else bad(500)
    task = asyncio.create_task(
        Lifecycle(client_over(world, msgspec.structs.replace(FAST, patience=5.0))).create(REQUEST, {})
    )

    def task_is_over() -> bool:
        return world.count("ListApplications") > 3 * FAST.attempts

    await world.begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    world.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.ids == []


async def test_a_cancelled_create_leaves_what_another_run_made() -> None:
    world = Gated(
        listed("theirs", msgspec.structs.replace(MARKER, run="run2")), CreateApplication=bad(409, "already exists")
    )
    await world.cancelled()
    assert world.ids == ["theirs"]


async def test_delete_waits_until_it_is_no_longer_listed_and_removes_copies_but_nothing_foreign() -> None:
    foreign, other = listed("f", None), listed("o", Marker("c", "worker", 2), "c-worker-2")
    world = World(listed("a"), listed("copy", created=3), foreign, other)
    await Lifecycle(client_over(world)).delete(application(listed("a")))
    assert world.ids == ["f", "o"]


class Lagging(World):
    """Creates show on the list only after some looks; stop and delete by id reach what exists, and answer 404 for what does not."""

    def __init__(self, *entries: dict[str, Any], looks: int = 3, **script: Any) -> None:
        self.looks = looks
        super().__init__(*entries, **script)

    def _list(self, _: Call) -> Answer:
        return ok({"applications": self.entries if self.count("ListApplications") > self.looks else []})

    def _delete(self, call: Call) -> Answer:
        known = call[1]["application_id"] in self.ids
        super()._delete(call)
        return ok() if known else bad(404)


async def test_delete_of_an_id_that_no_list_shows_is_sent_all_the_same() -> None:
    world = Lagging(listed("a"), looks=10**6)
    await Lifecycle(client_over(world)).delete(application(listed("a")))
    assert world.ids == []


async def test_an_id_that_answers_404_is_gone_only_when_no_list_has_shown_it_for_the_lag() -> None:
    world = Lagging()
    shown: list[bool] = []

    def appears(_: Call) -> Answer:
        shown.append(len(shown) > 3)
        if len(shown) == 5:
            world.entries = [listed("a")]
        return ok({"applications": world.entries})

    world.script["ListApplications"] = appears
    # The lag is far longer than the looks take: the wait ends by what the list shows.
    await Lifecycle(client_over(world, msgspec.structs.replace(FAST, lag=0.5))).delete(application(listed("a")))
    assert world.ids == []
    assert world.count("DeleteApplication") >= 2


async def test_delete_of_what_was_on_the_list_ends_when_it_is_off_it() -> None:
    world = World(listed("a"))
    # With a lag of minutes the test would time out if it were waited for.
    await Lifecycle(client_over(world, msgspec.structs.replace(FAST, lag=1000.0))).delete(application(listed("a")))
    assert world.ids == []


async def test_a_hidden_id_whose_delete_is_never_answered_is_named() -> None:
    world = World(DeleteApplication=bad(500))
    with pytest.raises(DeadlineExceeded, match=r"to be deleted; still listed: c-worker-1 \(on no list yet\)"):
        await Lifecycle(client_over(world, msgspec.structs.replace(FAST, delete=0.1))).delete(application(listed("a")))


@pytest.mark.parametrize("verb", ["stop", "delete"])
async def test_without_wait_an_end_returns_when_the_platform_has_accepted_it(verb: str) -> None:
    world = World(listed("a"), listed("copy", created=3), StopApplication=ok(), DeleteApplication=ok())
    lifecycle = Lifecycle(client_over(world, msgspec.structs.replace(FAST, stop=1000.0, delete=1000.0)))
    await getattr(lifecycle, verb)(application(listed("a")), wait=False)
    assert sorted(call[1]["application_id"] for call in world.calls if call[0] != "ListApplications") == ["a", "copy"]


async def test_without_wait_a_refused_delete_of_what_lives_is_repeated_until_it_is_accepted() -> None:
    world = World(listed("a"))
    honoured = world.script["DeleteApplication"]
    world.script["DeleteApplication"] = lambda call: (
        honoured(call) if world.entries[0]["status"] == "stopped" else bad(400)
    )  # type: ignore[operator]
    await Lifecycle(client_over(world)).delete(application(listed("a")), wait=False)
    assert world.ids == []


async def test_a_delete_is_sent_to_one_that_is_stuck_in_stopping() -> None:
    world = World(listed("a", status="APPLICATION_STOPPING"))
    await Lifecycle(client_over(world)).delete(application(listed("a")))
    assert world.ids == []


async def test_what_somebody_makes_anew_under_the_name_during_a_delete_is_left_alone() -> None:
    world = World(listed("a"))

    def replaced(_: Call) -> Answer:
        world.entries = [listed("new", msgspec.structs.replace(MARKER, run="run2"), created=9)]
        return ok()

    world.script["DeleteApplication"] = replaced
    await Lifecycle(client_over(world)).delete(application(listed("a")))
    assert world.ids == ["new"]


@pytest.mark.parametrize(
    "reply",
    [bad(500), bad(429), TransportError("lost"), TransportError("timeout"), bad(400, "it is changing state")],
    ids=str,
)
async def test_a_delete_that_had_no_effect_is_sent_again(reply: Reply) -> None:
    world = World(listed("a", status="stopped"))
    honoured = world.script["DeleteApplication"]
    world.script["DeleteApplication"] = lambda call: reply if world.count("DeleteApplication") < 3 else honoured(call)  # type: ignore[operator]
    await Lifecycle(client_over(world)).delete(application(listed("a")))
    assert world.ids == []


async def test_an_accepted_delete_that_shows_no_effect_is_sent_again_after_a_while() -> None:
    world = World(listed("a"))
    honoured = world.script["DeleteApplication"]
    world.script["DeleteApplication"] = lambda call: ok() if world.count("DeleteApplication") < 2 else honoured(call)  # type: ignore[operator]
    await Lifecycle(client_over(world)).delete(application(listed("a")))
    assert world.count("DeleteApplication") == 2


async def test_a_platform_that_deletes_only_what_is_stopped_is_asked_to_stop_it() -> None:
    world = World(listed("a"))
    honoured = world.script["DeleteApplication"]
    world.script["DeleteApplication"] = lambda call: (
        honoured(call) if world.entries[0]["status"] == "stopped" else bad(400, "it is running")
    )  # type: ignore[operator]
    await Lifecycle(client_over(world)).delete(application(listed("a")))
    assert world.ids == []


async def test_a_wait_survives_a_platform_that_stumbles() -> None:
    world = World(listed("a"))
    plain = world.script["ListApplications"]
    world.script["ListApplications"] = lambda call: bad(500) if 1 < world.count("ListApplications") < 8 else plain(call)  # type: ignore[operator]
    await Lifecycle(client_over(world)).delete(application(listed("a")))
    assert world.ids == []


async def test_a_wait_on_a_platform_that_stays_away_ends_with_its_error() -> None:
    world = World(listed("a"), ListApplications=TransportError("refused", sent=False))
    with pytest.raises(Unreachable, match="nothing listens"):
        await Lifecycle(client_over(world)).delete(application(listed("a")))


async def test_a_wait_that_runs_out_names_what_is_still_listed_and_what_the_platform_said() -> None:
    world = World(listed("a", status="APPLICATION_STOPPING"), DeleteApplication=bad(400, "it is locked"))
    with pytest.raises(
        DeadlineExceeded,
        match=r"c-worker-1 to be deleted; still listed: c-worker-1 \(APPLICATION_STOPPING\).*it is locked",
    ):
        await Lifecycle(client_over(world, msgspec.structs.replace(FAST, delete=0.1))).delete(application(listed("a")))


@pytest.mark.parametrize("wait", [True, False])
async def test_a_failed_application_is_stopped_since_the_platform_would_start_it_again(wait: bool) -> None:
    world = World(listed("a", status="APPLICATION_FAILED"))
    await Lifecycle(client_over(world)).stop(application(listed("a")), wait=wait)
    assert (world.count("StopApplication"), world.entries[0]["status"]) == (1, "stopped")


@pytest.mark.parametrize("reply", [ok(), bad(400, "it is not running")], ids=str)
async def test_a_failed_application_that_a_stop_does_not_change_is_no_success(reply: Reply) -> None:
    world = World(listed("a", status="failed"), StopApplication=reply)
    with pytest.raises(OperationFailed, match="c-worker-1 is failed and a stop does not change that") as caught:
        await Lifecycle(client_over(world, msgspec.structs.replace(FAST, failed=0.05))).stop(application(listed("a")))
    assert "delete it" in as_commands(caught.value.hint)


async def test_a_failed_application_that_the_platform_starts_again_meanwhile_is_stopped() -> None:
    world = World(listed("a", status="failed"))
    plain = world._stop

    def again(call: Call) -> Answer:
        if world.count("StopApplication") == 1:
            world.entries[0]["status"] = "starting"
            return ok()
        return plain(call)

    world.script["StopApplication"] = again
    await Lifecycle(client_over(world)).stop(application(listed("a")))
    assert world.entries[0]["status"] == "stopped"


@pytest.mark.parametrize("status", ["stopped", "APPLICATION_KILLED"])
async def test_stopping_what_has_ended_sends_nothing(status: str) -> None:
    world = World(listed("a", status=status))
    await Lifecycle(client_over(world)).stop(application(listed("a")))
    assert world.count("StopApplication") == 0


async def test_an_unknown_state_is_not_an_end() -> None:
    world = World(listed("a", status="APPLICATION_UNKNOWN"))
    await Lifecycle(client_over(world)).stop(application(listed("a")))
    assert world.count("StopApplication") == 1


async def test_a_restart_stops_first_and_never_restarts_what_is_starting() -> None:
    world = World(listed("a", status="starting"))
    states = []

    def restart(_: Call) -> Answer:
        states.append(world.entries[0]["status"])
        world.entries[0]["status"] = "starting"
        return ok()

    world.script["RestartApplication"] = restart
    await Lifecycle(client_over(world)).restart(application(listed("a")))
    assert states == ["stopped"]


@pytest.mark.parametrize("reply", [TransportError("lost"), bad(500), bad(504)], ids=str)
async def test_a_restart_whose_answer_was_lost_is_seen_and_not_repeated(reply: Reply) -> None:
    world = World(listed("a"))

    def restart(_: Call) -> Reply:
        world.entries[0]["status"] = "starting"
        return reply

    world.script["RestartApplication"] = restart
    await Lifecycle(client_over(world)).restart(application(listed("a")))
    assert world.count("RestartApplication") == 1


async def test_where_a_restart_is_refused_the_application_is_made_again_as_it_was() -> None:
    entry = {
        **listed("a"),
        "cpu": 3,
        "memory": 12,
        "nvidia_gpu": 1,
        "script": "worker.py",
        "runtime_identifier": "image:1",
    }
    entry["environment"] = '{"RAYTUI_SHARED_DIR": ".raytui/c", "PROJECT_SECRET": "x"}'
    world = World(entry, RestartApplication=bad(400, "it is not running"))
    world.script["CreateApplication"] = world.makes(listed("b"), ok({"id": "b"}))
    await Lifecycle(client_over(world)).restart(application(entry))
    assert world.ids == ["b"]
    body = next(call[3] for call in world.calls if call[0] == "CreateApplication")
    assert (body["cpu"], body["memory"], body["nvidia_gpu"], body["script"]) == (3.0, 12.0, 1, "worker.py")
    assert body["environment"] == {"RAYTUI_SHARED_DIR": ".raytui/c"}


async def test_a_restart_of_what_is_gone_says_so() -> None:
    world = World(RestartApplication=bad(404))
    with pytest.raises(NotFound, match="c-worker-1 no longer exists"):
        await Lifecycle(client_over(world)).restart(application(listed("a")))
    assert world.count("StopApplication") == 0


@pytest.mark.parametrize("moment", ["StopApplication", "RestartApplication"])
async def test_a_worker_that_somebody_removes_during_its_restart_is_not_made_again(moment: str) -> None:
    world = World(listed("a"), RestartApplication=bad(404))
    reply = world.script[moment]

    def removed(call: Call) -> Reply:
        world.entries.clear()
        return reply(call) if callable(reply) else reply  # type: ignore[return-value]

    world.script[moment] = removed
    with pytest.raises(NotFound, match="c-worker-1 no longer exists"):
        await Lifecycle(client_over(world)).restart(application(listed("a")))
    assert world.count("CreateApplication") == world.count("DeleteApplication") == 0


async def test_a_refused_restart_of_what_is_being_removed_is_not_taken_for_a_start() -> None:
    world = World(listed("a"))
    looks = 0

    def restart(_: Call) -> Reply:
        world.entries[0]["status"] = "stopping"
        return bad(400, "it is stopping")

    def look(_: Call) -> Answer:
        nonlocal looks
        looks += world.entries[:1] != [] and world.entries[0]["status"] == "stopping"
        if looks > 3:
            world.entries.clear()
        return ok({"applications": world.entries})

    world.script.update(RestartApplication=restart, ListApplications=look)
    with pytest.raises(NotFound, match="c-worker-1 no longer exists"):
        await Lifecycle(client_over(world)).restart(application(listed("a")))
    assert world.count("CreateApplication") == 0


@pytest.mark.parametrize("status", [401, 403])
async def test_a_restart_whose_key_is_refused_after_the_stop_says_what_is_stopped(status: int) -> None:
    world = World(listed("a"), RestartApplication=bad(status))
    with pytest.raises(NotAllowed, match=r"c-worker-1 was stopped for it and not seen to start again$"):
        await Lifecycle(client_over(world)).restart(application(listed("a")))
    assert world.entries[0]["status"] == "stopped"


async def test_a_restart_answers_what_exists_afterwards() -> None:
    world = World(listed("a"), RestartApplication=bad(400, "it is not running"))
    world.script["CreateApplication"] = world.makes(listed("b", status="starting"), ok({"id": "b"}))
    assert (await Lifecycle(client_over(world)).restart(application(listed("a")))).id == "b"
    world.script["RestartApplication"] = lambda _: (world.entries[0].update(status="starting"), ok())[1]
    assert (await Lifecycle(client_over(world)).restart(application(listed("b")))).id == "b"


@pytest.mark.parametrize("moment", ["DeleteApplication", "CreateApplication"])
async def test_a_restart_that_had_to_delete_is_finished_though_it_is_cancelled(moment: str) -> None:
    world = World(listed("a"), RestartApplication=bad(400, "it is not running"))
    world.script["CreateApplication"] = world.makes(listed("b", status="starting"), ok({"id": "b"}))
    task = asyncio.create_task(Lifecycle(client_over(world)).restart(application(listed("a"))))
    await _sent(world, moment)
    task.cancel()
    assert (await task).id == "b"
    assert world.ids == ["b"]


async def test_a_restart_that_is_cancelled_before_it_had_to_delete_ends_at_once() -> None:
    world = World(listed("a"))
    world.script["StopApplication"] = ok()  # accepted, and nothing comes of it
    task = asyncio.create_task(Lifecycle(client_over(world)).restart(application(listed("a"))))
    await _sent(world, "StopApplication")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.ids == ["a"]


@pytest.mark.parametrize(
    ("reply", "became"),
    [(bad(400, "no room"), "it no longer exists"), (bad(500), "it may no longer exist")],
    ids=["refused", "broken"],
)
async def test_a_restart_that_lost_its_application_says_so(reply: Reply, became: str) -> None:
    world = World(listed("a"), RestartApplication=bad(400, "it is not running"), CreateApplication=reply)
    with pytest.raises(
        (OperationFailed, Unreachable), match=f"c-worker-1 did not start again and had to be deleted.*; {became}"
    ) as caught:
        await Lifecycle(client_over(world)).restart(application(listed("a")))
    assert became in str(caught.value)
    assert "raytui start creates it again" in as_commands(caught.value.hint)


async def test_a_restart_that_lost_its_application_to_what_nobody_foresaw_says_so() -> None:
    def odd(_: Call) -> Reply:
        raise ZeroDivisionError("nobody foresaw this")

    world = World(listed("a"), RestartApplication=bad(400, "it is not running"), CreateApplication=odd)
    with pytest.raises(ZeroDivisionError) as caught:
        await Lifecycle(client_over(world)).restart(application(listed("a")))
    assert (
        "c-worker-1 did not start again and had to be deleted and made again; it may no longer exist"
        in caught.value.__notes__
    )


@pytest.mark.parametrize("reply", [bad(500), bad(504), TransportError("timeout"), bad(429)], ids=str)
async def test_after_the_deadline_a_create_is_looked_for_and_never_sent_again(reply: Reply) -> None:
    world = World(CreateApplication=reply)
    with pytest.raises(Unreachable):
        await Lifecycle(client_over(world)).create(REQUEST, {}, until=asyncio.get_running_loop().time())
    assert world.count("CreateApplication") == 1


async def test_after_the_deadline_what_a_doubtful_create_made_is_adopted() -> None:
    world = World()
    world.script["CreateApplication"] = world.makes(listed("a"), TransportError("timeout"))
    assert (await Lifecycle(client_over(world)).create(REQUEST, {}, until=asyncio.get_running_loop().time())).id == "a"


async def _sent(world: World, operation: str) -> None:
    async with asyncio.timeout(10):
        while not world.count(operation):  # noqa: ASYNC110  # a script tells nobody that it was asked
            await asyncio.sleep(0)
