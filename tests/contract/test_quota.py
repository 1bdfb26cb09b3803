"""The story of a full quota, as a user sees it: start makes what fits, names what waits and why, and later room is enough.

The applications run nothing, so what is shown of them is what the workbench says.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from raytui.manager import account
from raytui.manager.launchers import render
from raytui.startup import main

from .conftest import Bench, stub_workbench

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "cli"
IMAGE = "docker.repository.cloudera.com/cloudera/cdsw/ml-runtime-pbj-jupyterlab-python3.11-standard:2026.06.1-b2"
LAUNCHERS = ("--head-script", "launchers/ray_head_launcher.py", "--worker-script", "launchers/ray_worker_launcher.py")
SIZES = ("--cpu", "1", "--memory", "4", "--head-cpu", "1", "--head-memory", "4", "--runtime-identifier", IMAGE)
FULL = {"quota": ["cpu=13,memory=500"], "held": ["train-1:user=alice,project=train,cpu=8,memory=32"]}


@pytest.fixture(scope="module")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One of its own: quotas count for every project of a user."""
    yield from stub_workbench(tmp_path_factory)


@pytest.fixture
def full(bench: Bench, project: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Bench]:
    """A quota for a head and 12 workers of one CPU each, and a project that has the launchers."""
    for name in ("RAYTUI_CONFIG", "RAYTUI_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CML_HOST", bench.url)
    monkeypatch.setenv("CML_API_KEY", bench.api_key)
    monkeypatch.setenv("CML_PROJECT_ID", project)
    monkeypatch.setenv("RAYTUI_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(account, "ASK_AFTER_S", 0.0)
    for name, data in render().items():
        path = bench.root / "projects" / project / "launchers" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    bench.ask("POST", "/_test/site", FULL)
    yield bench
    # What a test leaves holds the quota of the next one.
    main(["stop", "--yes"])
    bench.ask("POST", "/_test/site", {"quota": [], "held": []})


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def until(so: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not so():
        assert time.monotonic() < end
        time.sleep(0.05)


def eight_wait(bench: Bench, project: str) -> Callable[[], bool]:
    return lambda: sum(bool(app["waits_for"]) for app in bench.applications(project)) == 8


def begun(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str, str]:
    return call(capsys, "start", "--workers", "20", *SIZES, *LAUNCHERS, *more)


def conditions(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    document = json.loads(call(capsys, "status", "-o", "json")[1])
    return [found for found in document["conditions"] if found["reason"] == "QuotaExceeded"]


def steady(text: str) -> str:
    """The text without what is another at every run: which eight come late, for how long, and how wide a column is."""
    text = re.sub(r"(worker-\d+,? ?){8}:", "EIGHT NAMES:", re.sub(r", for \d+ s\b", "", text))
    return re.sub(r"(?m) +$", "", re.sub(r" {2,}", "  ", text))


def test_start_makes_what_fits_and_names_what_waits_and_why(full, project, capsys):
    code, out, err = begun(capsys, "--timeout", "6", "-o", "json")
    assert code == 7, err + out
    message = json.loads(out)["error"]["message"]
    assert "1 CPU asked by each, 13 of your quota of 13 CPU in use: 13 by this cluster" in message
    waiting = {app["name"] for app in full.applications(project) if app["waits_for"]}
    assert len(full.applications(project)) == 21
    assert len(waiting) == 8
    named = message.partition(" wait for capacity")[0]
    assert {name.removeprefix("ray-cluster-") for name in waiting} == set(re.findall(r"worker-\d+", named))
    assert "so a part of it will wait" not in err


def test_status_says_who_waits_for_what_and_how_many_would_fit(full, project, capsys):
    begun(capsys, "--no-wait")
    until(eight_wait(full, project))
    code, out, _ = call(capsys, "status")
    assert code == 0
    said = steady(out.partition("Needs attention")[2])
    assert said == (GOLDEN / "quota-status.txt").read_text()


def test_usage_lists_who_holds_what_whoever_they_are(full, project, capsys):
    begun(capsys, "--no-wait")
    until(eight_wait(full, project))
    code, out, _ = call(capsys, "usage", "-o", "json")
    items = json.loads(out)["items"]
    assert code == 0
    assert items[0] | {"user": "alice", "project": "train", "cpu": 8.0, "memory": 32.0, "state": "running"} == items[0]
    states = [row["state"] for row in items if row["name"].startswith("ray-cluster-")]
    assert (states.count("running"), states.count("scheduling")) == (13, 8)
    assert call(capsys, "usage", "--filter", "cpus>4 state=running")[1].splitlines()[1].startswith("alice")


def test_room_that_comes_later_is_enough_by_itself(full, project, capsys):
    begun(capsys, "--no-wait")
    until(eight_wait(full, project))
    assert len(conditions(capsys)) == 1
    full.ask("POST", "/_test/site", {"quota": ["cpu=40,memory=500"]})
    until(lambda: all(app["status"].endswith("RUNNING") for app in full.applications(project)))
    assert conditions(capsys) == []


def test_a_node_larger_than_the_whole_quota_is_refused_before_anything_is_made(full, project, capsys):
    code, _, err = call(capsys, "start", "--workers", "1", *SIZES, *LAUNCHERS, "--cpu", "32")
    assert code == 2
    assert "a node asks for more than the whole quota, so it can never start: 32 CPU with at most 13" in err
    assert full.applications(project) == []


def test_usage_is_there_without_a_cluster(full, capsys):
    code, out, _ = call(capsys, "usage")
    assert code == 0
    assert "train-1" in out


def test_where_nobody_keeps_an_account_the_list_says_so(full, capsys):
    code, out, err = call(capsys, "usage", "-p", "local")
    assert (code, out) == (0, "")
    assert "nothing runs that this key may see, or the platform keeps no account of it" in err


def test_a_status_asks_a_constant_number_of_questions_however_many_wait(full, project, capsys):
    begun(capsys, "--no-wait")
    until(eight_wait(full, project))

    def asked() -> int:
        before = full.requests()
        call(capsys, "status")
        return full.requests() - before

    many = asked()
    call(capsys, "scale", "13", "--no-wait", "--yes")
    until(lambda: len(full.applications(project)) == 14)
    assert asked() <= many
