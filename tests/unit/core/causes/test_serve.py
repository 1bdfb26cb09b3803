"""What is reported of deployments of Serve that fail, from answers recorded on Ray 2.60 with a head and a worker."""

from __future__ import annotations

import pytest

from raytui.core.causes.serve import of_deployment
from raytui.core.causes.things import find
from raytui.core.causes.values import Cause, Evidence
from raytui.core.observed.joined import join
from raytui.core.observed.snapshot import Snapshot
from raytui.core.stories import story_of
from raytui.dashboard.activity import parse_actors
from raytui.dashboard.serve import parse_serve
from raytui.view.picture import picture_of
from raytui.view.related import LogWish, log_of
from raytui.view.tables.replicas import REPLICAS
from tests.fakes.dashboard import recorded
from tests.unit.core.values import snapshot

RECORDED_AT = 1795582846.0


def seen(name: str) -> Snapshot:
    rows, actors = parse_serve(recorded(f"serve/{name}.json")), parse_actors(recorded("serve/actors.json"))
    return snapshot(serve=tuple(rows), actors=tuple(actors), observed_at=RECORDED_AT)


def causes(of: Snapshot) -> dict[str, Cause | None]:
    evidence = Evidence(join(of))
    return {row.id: of_deployment(evidence, row) for row in of.serve.value or ()}


FAILURES = {
    "raises/Raises": ("exception", "ValueError: model file s3://models/fraud-7.bin is missing"),
    "sick/Sick": ("exception", "RuntimeError: lost connection to feature store at 10.0.0.9:6380"),
    "imports": ("exception", "ModuleNotFoundError: No module named 'not_installed_module'"),
    "noattr": ("exception", "AttributeError: module 'apps' has no attribute 'nothing'"),
    "chain/Raises": ("exception", "ValueError: model file s3://models/fraud-7.bin is missing"),
    "dies/Dies": ("process_lost", "of its replicas died within 10 minutes, the last one because actor "),
}


@pytest.mark.parametrize("name", FAILURES)
def test_each_recorded_failure_has_its_cause(name: str) -> None:
    cause = causes(seen("failures"))[name]
    kind, words = FAILURES[name]
    assert cause is not None
    assert (cause.kind, words in cause.whole) == (kind, True), cause.whole


def test_what_works_waits_or_goes_fails_not() -> None:
    found = causes(seen("failures"))
    assert [name for name in ("big/Big", "clings/Clings", "chain/Entry") if found[name] is not None] == []
    going = next(row for row in seen("deleting").serve.value or () if row.application == "clings")
    assert (going.status, causes(seen("deleting"))[going.id]) == ("DELETING", None)


def test_a_constructor_that_raises_is_told_while_serve_still_tries() -> None:
    of = seen("starting")
    row = next(row for row in of.serve.value or () if row.id == "raises/Raises")
    cause = causes(of)["raises/Raises"]
    assert (row.status, row.fails) == ("UPDATING", True)
    assert cause is not None
    assert "fraud-7.bin is missing" in cause.whole


def test_a_healthy_deployment_does_not_bear_the_message_of_another() -> None:
    assert next(row.message for row in seen("failures").serve.value or () if row.id == "chain/Entry") == ""


def test_the_log_is_that_of_the_controller_or_of_the_replica_that_died() -> None:
    of = seen("failures")
    picture, rows = picture_of(of), {row.id: row for row in of.serve.value or ()}
    why = log_of(rows["raises/Raises"], picture)
    died = log_of(rows["dies/Dies"], picture)
    assert isinstance(why, LogWish)
    assert why.name.endswith("/serve/controller_28354.log")
    assert "deployment='Raises', app='raises'" in why.find
    assert isinstance(died, LogWish)
    newest = rows["dies/Dies"].ended[-1]
    assert (died.pid, died.worker_id, died.file) == (newest.pid, newest.worker_id, newest.log)


def test_a_story_quotes_the_end_of_the_traceback_that_serve_tells() -> None:
    of = seen("failures")
    story = story_of(Evidence(join(of)), find(of, "raises"))
    assert story.quotes[0].lines[-1] == "ValueError: model file s3://models/fraud-7.bin is missing"
    assert any('File "/srv/apps/apps.py", line 12, in __init__' in line for line in story.quotes[0].lines)
    assert find(of, "imports").title == "Serve application imports"


def test_replicas_that_ended_are_listed_with_why() -> None:
    rows = [row for row in REPLICAS.rows(picture_of(seen("failures"))) if row.replica.deployment == "Dies"]
    assert {row.replica.state for row in rows} >= {"STOPPED"}
    assert any("its worker process has died" in (row.why or "") for row in rows)
