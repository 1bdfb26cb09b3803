"""From the listing to core values and back, whatever the workbench's version or mood."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytui.core.desired.validate import MAX_LABEL, SUBDOMAIN
from raytui.core.marker import Marker, describe
from raytui.core.protocols.platform import CreateRequest
from raytui.platforms.cai.applications.records import (
    SPEC_VARIABLE,
    create_body,
    environment_of,
    in_order,
    normalized_state,
    number,
    parse,
    request_from,
    subdomain_for,
    to_application,
)

HEAD = Marker("ray-cluster", "head", 0, "d1gest", 6379, 8265, True, "run1")
SECRET = "clear-text-secret"
ENTRY: dict[str, Any] = {
    "id": "abcd-abcd-abcd-abcd",
    "name": "ray-cluster-head",
    "description": describe(HEAD) + " A note of a person.",
    "script": "head.py",
    "subdomain": "ray-cluster-head-123456",
    "status": "APPLICATION_RUNNING",
    "created_at": "2026-11-23T17:00:00Z",
    "running_at": "2026-11-23T17:00:30.5Z",
    "stopped_at": None,
    "cpu": 2,
    "memory": 8.0,
    "nvidia_gpu": "1",
    "environment": json.dumps(
        {
            "RAYTUI_RAY_PORT": "6379",
            SPEC_VARIABLE: "{}",
            "DB_PASSWORD": SECRET,
            "RAY_AUTH_TOKEN": SECRET,
            "HOME": SECRET,
        }
    ),
    "runtime_identifier": "image:1",
}


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("APPLICATION_RUNNING", "running"),
        ("running", "running"),
        ("Running", "running"),
        ("APPLICATION_STARTING", "starting"),
        ("APPLICATION_STOPPING", "stopping"),
        ("stopped", "stopped"),
        ("APPLICATION_KILLED", "stopped"),
        ("APPLICATION_FAILED", "failed"),
        ("APPLICATION_UNKNOWN", "unknown"),
        ("APPLICATION_DREAMING", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
        (7, "unknown"),
    ],
)
def test_status_words_of_every_version_are_normalised(word: object, state: str) -> None:
    assert normalized_state(word) == state


def test_an_entry_becomes_a_core_value() -> None:
    app = to_application(parse(ENTRY), "https://ml.example.com")
    assert (app.id, app.name, app.cluster, app.role, app.state) == (
        "abcd-abcd-abcd-abcd",
        "ray-cluster-head",
        "ray-cluster",
        "head",
        "running",
    )
    assert (app.cpu, app.memory, app.gpus, app.exposed, app.spec_digest, app.run) == (
        2.0,
        8.0,
        1,
        True,
        "d1gest",
        "run1",
    )
    assert (app.ray_port, app.dashboard_port, app.spec_json, app.raw_state) == (6379, 8265, "{}", "APPLICATION_RUNNING")
    assert app.url == "https://ray-cluster-head-123456.ml.example.com"
    assert app.started_at - app.created_at == 30.5
    assert app.ended_at == 0.0


def test_the_projects_own_variables_are_not_kept() -> None:
    record = parse(ENTRY)
    assert set(record.environment) == {"RAYTUI_RAY_PORT", SPEC_VARIABLE}
    assert SECRET not in repr(record)
    assert SECRET not in repr(to_application(record, "https://x"))


@pytest.mark.parametrize(
    ("change", "ours"),
    [
        ({}, True),
        ({"name": "my-copy"}, False),
        ({"description": "Ray head"}, False),
        ({"description": ""}, False),
        ({"description": None}, False),
        ({"description": "raytui/1 {broken"}, False),
    ],
)
def test_ours_is_what_carries_the_marker_under_its_own_name(change: dict[str, Any], ours: bool) -> None:
    assert parse({**ENTRY, **change}).ours is ours


@given(
    st.dictionaries(
        st.sampled_from(sorted(ENTRY)),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers(), max_size=2),
    )
)
def test_no_entry_of_any_shape_breaks_the_listing(change: dict[str, Any]) -> None:
    in_order([parse({**ENTRY, **change})])


@pytest.mark.parametrize(
    ("value", "variables"),
    [
        ('{"A": "1"}', {"A": "1"}),
        ({"A": 1}, {"A": "1"}),
        ("", {}),
        (None, {}),
        ("{half", {}),
        ("[1]", {}),
        ("3", {}),
    ],
)
def test_the_environment_comes_as_a_string(value: object, variables: dict[str, str]) -> None:
    assert environment_of(value) == variables


@pytest.mark.parametrize(("value", "result"), [("64", 64.0), (2, 2.0), ("", 0.0), (None, 0.0), ("x", 0.0), (True, 0.0)])
def test_int64_is_a_string(value: object, result: float) -> None:
    assert number(value) == result


def test_order_is_head_first_then_workers_by_index_and_of_copies_the_older_first() -> None:
    def entry(marker: Marker, name: str, created: str, identity: str) -> dict[str, Any]:
        return {"id": identity, "name": name, "description": describe(marker), "created_at": created}

    entries = [
        entry(Marker("c", "worker", 10), "c-worker-10", "2026-01-01T00:00:00Z", "e"),
        entry(Marker("c", "worker", 2), "c-worker-2", "2026-01-01T00:00:05Z", "d"),
        entry(Marker("c", "worker", 2), "c-worker-2", "2026-01-01T00:00:00Z", "c"),
        entry(Marker("c", "head"), "c-head", "2026-01-01T00:00:00Z", "b"),
        {"id": "x", "name": "foreign"},
    ]
    assert [record.id for record in in_order(parse(one) for one in entries)] == ["b", "c", "d", "e"]


@given(st.text(max_size=120), st.text(max_size=20))
def test_every_name_becomes_a_valid_subdomain(name: str, project: str) -> None:
    label = subdomain_for(name, project)
    assert SUBDOMAIN.fullmatch(label)
    assert len(label) <= MAX_LABEL


def test_the_same_name_in_two_projects_has_two_subdomains() -> None:
    assert subdomain_for("c-head", "aaaa-aaaa-aaaa-aaaa") != subdomain_for("c-head", "bbbb-bbbb-bbbb-bbbb")


def test_a_create_is_protected_and_carries_marker_and_spec() -> None:
    request = CreateRequest(
        "c-head", Marker("c", "head"), 2.0, 8.0, 0, {"RAY_AUTH_MODE": "token"}, "image:1", "head.py", '{"name":"c"}'
    )
    body = create_body(request, "abcd-efgh-ijkl-mnop", {"RAYTUI_SHARED_DIR": ".raytui/c"})
    assert body["bypass_authentication"] is False
    assert body["environment"] == {"RAYTUI_SHARED_DIR": ".raytui/c", SPEC_VARIABLE: '{"name":"c"}'}
    assert parse({**body, "id": "1"}).marker == Marker("c", "head")


def test_a_listed_application_can_be_made_again_as_it_was() -> None:
    record = parse(ENTRY)
    request = request_from(record)
    again = parse({**ENTRY, **create_body(request, "p", request.environment), "subdomain": ENTRY["subdomain"]})
    assert again == record


CPU = Marker("ray-cluster", "worker", 2, "d1gest", run="run1", group="cpu")


def test_an_application_of_a_group_is_ours_under_the_name_of_its_group_alone() -> None:
    record = parse({**ENTRY, "name": "ray-cluster-cpu-2", "description": describe(CPU)})
    assert record.ours
    app = to_application(record, "https://ml.example.com")
    assert (app.group, app.index, app.short) == ("cpu", 2, "cpu-2")
    assert not parse({**ENTRY, "name": "ray-cluster-worker-2", "description": describe(CPU)}).ours


def test_a_marker_of_before_there_were_groups_is_of_the_group_worker() -> None:
    old = 'raytui/1 {"cluster":"ray-cluster","role":"worker","index":2,"spec":"d1gest"}'
    record = parse({**ENTRY, "name": "ray-cluster-worker-2", "description": old})
    assert record.ours
    assert to_application(record, "https://ml.example.com").group == "worker"


def test_groups_stand_behind_the_workers_each_by_its_numbers() -> None:
    markers = [
        CPU,
        Marker("ray-cluster", "worker", 10),
        Marker("ray-cluster", "worker", 9),
        HEAD,
        Marker("ray-cluster", "worker", 1, group="cpu"),
    ]
    entries = [
        {**ENTRY, "id": str(n), "name": f"ray-cluster-{m.group_name or 'head'}" + (f"-{m.index}" if m.index else ""),
         "description": describe(m)}
        for n, m in enumerate(markers)
    ]  # fmt: skip
    names = [record.name.removeprefix("ray-cluster-") for record in in_order(map(parse, entries))]
    assert names == ["head", "worker-9", "worker-10", "cpu-1", "cpu-2"]


def test_what_a_group_asks_for_reaches_the_body_and_survives_being_made_again() -> None:
    request = CreateRequest(
        "ray-cluster-cpu-2", CPU, 1.0, 2.0, 1, {}, accelerator="7", resource_group_id=2, resource_profile_id=3
    )
    body = create_body(request, "p", {})
    assert (body["accelerator_label_id"], body["resource_group_id"], body["resource_profile_id"]) == ("7", 2, 3)
    record = parse({**body, "id": "i", "environment": "{}", "status": "APPLICATION_STOPPED"})
    assert create_body(request_from(record), "p", {}) == body
    plain = create_body(CreateRequest("n", CPU, 1.0, 2.0, 0, {}), "p", {})
    assert not {"accelerator_label_id", "resource_group_id", "resource_profile_id"} & plain.keys()
    unset = parse({**ENTRY, "accelerator_label_id": "0", "resource_group_id": 0, "resource_profile_id": None})
    assert (unset.accelerator, unset.resource_group_id, unset.resource_profile_id) == ("", 0, 0)
