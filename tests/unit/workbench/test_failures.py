"""Every way in which a request can fail, and what was done nevertheless."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.fakes.workbench.failures import Chooser
from tests.fakes.workbench.faults import WAYS, Faults, UnknownFault, parse_words, table

from .conftest import RUNTIME, Api, connected, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.mark.parametrize(
    ("way", "status", "done"),
    [
        ("500_before", 500, 0),
        ("500_after", 500, 1),
        ("429", 429, 0),
        ("502_before", 502, 0),
        ("502_after", 502, 1),
        ("withheld_before", 504, 0),
        ("withheld_after", 504, 1),
        ("login", 302, 0),
        ("html", 200, 0),
        ("twice", 409, 1),
    ],
)
async def test_a_request_fails_with_an_answer(api: Api, way: str, status: int, done: int) -> None:
    api.bench.faults.update({"fail_request": 1, "fail_how": way, "withhold": 0.05})
    answer = await api.create("one")
    assert (answer.status_code, len(api.bench.applications)) == (status, done)
    if way in ("html", "502_before", "withheld_after"):
        assert answer.headers["content-type"].startswith("text/html")
    assert (await api.create("two")).status_code == 200


@pytest.mark.parametrize(("way", "done"), [("reset_before", 0), ("reset_after", 1), ("truncated", 1)])
async def test_a_request_fails_without_an_answer(api: Api, way: str, done: int) -> None:
    api.bench.faults.update({"fail_request": 1, "fail_how": way})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await api.create("one")
    assert len(api.bench.applications) == done


async def test_a_reset_is_a_reset(api: Api) -> None:
    api.bench.faults.update({"fail_request": 1, "fail_how": "reset_before"})
    reader, writer = await asyncio.open_connection("127.0.0.1", api.bench.port)
    writer.write(b"GET /api/v2/projects HTTP/1.1\r\nHost: x\r\n\r\n")
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


async def test_a_late_create_is_carried_out_after_its_504(api: Api) -> None:
    api.bench.faults.update({"ambiguous_create": 1, "late_seconds": 0.1})
    assert ((await api.create("one")).status_code, api.bench.applications) == (504, {})
    await until(lambda: api.bench.applications, "the late create")
    assert await api.names() == ["one"]


async def test_the_retry_after_of_a_429(api: Api) -> None:
    api.bench.faults.update({"fail_request": 1, "fail_how": "429", "retry_after": 3})
    assert (await api.call("GET", "applications")).headers["retry-after"] == "3"


async def test_exactly_the_chosen_request_fails(api: Api) -> None:
    api.bench.faults.update({"fail_request": 3})
    assert [(await api.call("GET", "applications")).status_code for _ in range(5)] == [200, 200, 500, 200, 200]
    api.bench.faults.update({"fail_request": 1, "fail_operation": "CreateApplication"})
    assert ((await api.call("GET", "applications")).status_code, (await api.create("one")).status_code) == (200, 500)


async def test_a_lost_create_is_carried_out_twice_with_duplicate(api: Api) -> None:
    api.bench.faults.update({"fail_request": 1, "fail_how": "500_after", "duplicate": 1})
    await api.create("one")
    assert await api.names() == ["one", "one"]


async def test_a_login_page_ends_in_200(api: Api) -> None:
    api.bench.faults.update({"expired_login": 1})
    answer = await api.call("GET", "applications", follow_redirects=True)
    assert (answer.status_code, "login" in answer.text, answer.url.path) == (200, True, "/login")


def test_a_share_of_requests_fails_in_every_way_and_a_seed_repeats_it() -> None:
    faults = Faults(errors=0.2)
    first, second = Chooser(faults, 7), Chooser(faults, 7)
    drawn = [first.next("ListApplications") for _ in range(4000)]
    assert drawn == [second.next("ListApplications") for _ in range(4000)]
    counts = Counter(drawn)
    assert set(counts) == {None, *WAYS}
    assert 0.17 < 1 - counts[None] / 4000 < 0.23


def test_errors_make_some_deletes_slow() -> None:
    delays = [Chooser(Faults(errors=0.5, slow_delete=2), seed).slow_delete() for seed in range(40)]
    assert {2.0, 3.0} == set(delays)


async def test_the_truth_is_never_faulty(api: Api) -> None:
    api.bench.faults.update({"errors": 1, "slow": 5, "key_invalid": 1})
    del api.http.headers["authorization"]
    answer = await api.call("GET", "/_test/state")
    assert (answer.status_code, answer.json()["applications"], answer.json()["requests"]) == (200, [], 0)


async def test_faults_change_while_it_runs(api: Api) -> None:
    answer = await api.call("POST", "/_test/faults", {"errors": 1.0, "slow_delete": "0.5"})
    assert (answer.json()["errors"], api.bench.faults.errors, api.bench.faults.slow_delete) == (1.0, 1.0, 0.5)
    assert (await api.call("POST", "/_test/faults", {"errors": None})).json()["errors"] == 0.0
    refused = await api.call("POST", "/_test/faults", {"quota": 1, "eror": 1})
    assert (refused.status_code, refused.json()["error"], api.bench.faults.quota) == (
        400,
        "unknown fault 'eror', did you mean 'errors'?",
        False,
    )


@pytest.mark.parametrize(
    "change", [{"errors": "many"}, {"quota": "perhaps"}, {"fail_how": "gently"}, {"end_status": "gone"}]
)
def test_a_wrong_value_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(UnknownFault):
        Faults().update(change)


def test_words_of_the_command_line_and_the_table() -> None:
    assert parse_words(["errors=0.2", "slow-delete=1", "quota"]) == {"errors": "0.2", "slow_delete": "1", "quota": "1"}
    assert len(table().splitlines()) == len(Faults().as_dict())


@pytest.mark.parametrize(("fault", "done"), [("kill_pid_before", 0), ("kill_pid_after", 1)])
async def test_the_client_is_killed_around_a_request(api: Api, fault: str, done: int) -> None:
    script = (
        "import http.client, json, sys\n"
        "c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))\n"
        "for number in range(3):\n"
        "    c.request(*json.loads(sys.stdin.readline()))\n"
        "    print(c.getresponse().read(), flush=True)\n"
    )
    words = (sys.executable, "-c", script, str(api.bench.port))
    client = await asyncio.create_subprocess_exec(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    api.bench.faults.update({fault: 2, "kill_pid": client.pid})
    headers = {"authorization": f"Bearer {api.bench.api_key}"}
    body = f'{{"name": "one", "subdomain": "one", "script": "app.py", "runtime_identifier": "{RUNTIME}"}}'
    path = f"{api.project}/applications"
    lines = [json.dumps(call) for call in (["GET", path, "", headers], ["POST", path, body, headers])]
    output, _ = await client.communicate("\n".join([*lines, ""]).encode())
    assert (client.returncode, output.count(b"\n"), len(api.bench.applications)) == (-signal.SIGKILL, 1, done)
    assert api.bench.faults.as_dict()[fault] == 0


async def test_every_answer_is_slow(tmp_path: Path) -> None:
    async with connected(tmp_path, slow=0.3) as api:
        with pytest.raises(httpx.ReadTimeout):
            await api.call("GET", "applications", timeout=0.1)
        assert (await api.call("GET", "applications")).status_code == 200


async def test_many_requests_at_once(api: Api) -> None:
    api.bench.faults.update({"slow": 0.2})
    answers = await asyncio.gather(*(api.create(f"app-{number}") for number in range(60)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await api.names()) == 60


async def test_chunked_bodies_and_heads_that_are_no_http(api: Api) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"audience":'
        yield b' "API"}'

    answer = await api.http.post("/api/v2/auth/validate_key", content=pieces())
    assert answer.json()["valid"]
    reader, writer = await asyncio.open_connection("127.0.0.1", api.bench.port)
    writer.write(b"hello\r\n\r\n")
    assert b" 400 " in await reader.read()
    writer.close()
