"""Retries for what is safe to repeat, paging to the end, one deadline for a call."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from raytui.core.errors import NotAllowed, Unreachable
from raytui.platforms.cai.api.answers import Outcome
from raytui.platforms.cai.api.client import PAGE_SIZE
from raytui.platforms.cai.api.transport import TransportError
from tests.unit.platforms.cai.scripted import FAST, Call, Scripted, bad, client_over, ok

PASSING = [bad(500), bad(502), bad(504), bad(429), TransportError("lost"), TransportError("timeout")]


@pytest.mark.parametrize("trouble", PASSING, ids=str)
async def test_a_read_is_repeated_until_it_succeeds(trouble: Any) -> None:
    transport = Scripted(GetProject=[trouble, trouble, ok({"id": "x"})])
    assert await client_over(transport).call("GetProject") == {"id": "x"}
    assert transport.count("GetProject") == 3


async def test_a_read_gives_up_after_its_attempts() -> None:
    transport = Scripted(GetProject=bad(500, "boom"))
    with pytest.raises(Unreachable, match="boom"):
        await client_over(transport).call("GetProject")
    assert transport.count("GetProject") == FAST.attempts


@pytest.mark.parametrize(
    "final", [bad(401), bad(403), bad(404), bad(409), bad(400), TransportError("refused", sent=False)], ids=str
)
async def test_what_a_repeat_cannot_change_is_not_repeated(final: Any) -> None:
    transport = Scripted(GetProject=final)
    await client_over(transport).outcome("GetProject")
    assert transport.count("GetProject") == 1


async def test_a_login_page_is_asked_for_less_often_than_other_troubles() -> None:
    transport = Scripted(GetProject=bad(302, location="/login"))
    assert (await client_over(transport).outcome("GetProject")).kind == "login"
    assert transport.count("GetProject") == FAST.login_attempts


async def test_earlier_troubles_do_not_use_up_the_tries_of_a_login_page() -> None:
    transport = Scripted(GetProject=[bad(500), bad(500), bad(302, location="/login"), ok({"id": "x"})])
    assert await client_over(transport).call("GetProject") == {"id": "x"}


async def test_retry_after_is_waited_for() -> None:
    transport = Scripted(GetProject=[bad(429, **{"retry-after": "0.2"}), ok()])
    loop = asyncio.get_running_loop()
    began = loop.time()
    await client_over(transport).call("GetProject")
    assert loop.time() - began >= 0.2


async def test_a_pause_beyond_the_deadline_ends_the_call() -> None:
    transport = Scripted(GetProject=[bad(429, "slow", **{"retry-after": "30"}), ok()])
    with pytest.raises(Unreachable, match="slow down"):
        await client_over(transport).call("GetProject", deadline=0.5)
    assert transport.count("GetProject") == 1


async def test_a_create_is_never_repeated_by_itself() -> None:
    with pytest.raises(AssertionError, match="not safe to repeat"):
        await client_over(Scripted(CreateApplication=ok())).outcome("CreateApplication", {"name": "x"})


async def test_once_judges_and_never_raises() -> None:
    client = client_over(Scripted(CreateApplication=TransportError("lost")))
    assert (await client.once("CreateApplication", {"name": "x"})).kind == "lost"


def paged(total: int, most: int = PAGE_SIZE) -> Any:
    """A list of `total` entries, `most` a page, that insists on the same page size throughout."""

    def answer(call: Call) -> Any:
        query = call[2]
        assert query["page_size"] == PAGE_SIZE
        begin = int(query.get("page_token", "0"))
        end = min(total, begin + most)
        return ok(
            {
                "applications": [{"id": str(n)} for n in range(begin, end)],
                "next_page_token": str(end) if end < total else "",
            }
        )

    return answer


@pytest.mark.parametrize(
    ("total", "most", "requests"), [(0, 100, 1), (100, 100, 1), (101, 100, 2), (500, 100, 5), (25, 10, 3)]
)
async def test_a_list_is_read_to_its_last_page(total: int, most: int, requests: int) -> None:
    transport = Scripted(ListApplications=paged(total, most))
    entries = await client_over(transport).pages("ListApplications", "applications")
    assert [entry["id"] for entry in entries] == [str(n) for n in range(total)]
    assert transport.count("ListApplications") == requests


async def test_a_token_that_repeats_ends_in_an_error_and_not_in_a_loop() -> None:
    transport = Scripted(ListApplications=ok({"applications": [{"id": "1"}], "next_page_token": "same"}))
    with pytest.raises(Unreachable, match="repeats the same page") as caught:
        await client_over(transport).pages("ListApplications", "applications")
    assert caught.value.reason == "EndlessPages"
    assert transport.count("ListApplications") == 2


@pytest.mark.parametrize(
    "payload", [{}, {"applications": None}, {"applications": "x", "next_page_token": 5}, {"applications": [1, None]}]
)
async def test_a_list_of_the_wrong_shape_is_empty(payload: dict[str, Any]) -> None:
    assert await client_over(Scripted(ListApplications=ok(payload))).pages("ListApplications", "applications") == []


async def test_a_page_that_fails_fails_the_list() -> None:
    transport = Scripted(ListApplications=[ok({"applications": [{"id": "1"}], "next_page_token": "2"}), bad(403)])
    with pytest.raises(NotAllowed):
        await client_over(transport).pages("ListApplications", "applications")


async def test_another_project_is_asked_over_the_same_connection() -> None:
    transport = Scripted(GetProject=ok())
    await client_over(transport).for_project("wxyz-wxyz-wxyz-wxyz").call("GetProject")
    assert transport.calls[0][1]["project_id"] == "wxyz-wxyz-wxyz-wxyz"


def test_an_error_names_what_was_tried_and_on_which_project() -> None:
    client = client_over(Scripted())
    assert "list the applications of project abcd-efgh-ijkl-mnop" in str(
        client.error(Outcome("broken", 500), "ListApplications")
    )
    assert "stop the application c-head" in str(
        client.error(Outcome("lost", no_answer="lost"), "StopApplication", {"name": "c-head"})
    )
    assert msgspec.structs.asdict(client.workbench)["key_source"] == "CML_API_KEY"
