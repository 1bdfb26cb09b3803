"""Deleting one Serve application leaves all others as they are, or is refused with the reason."""

from __future__ import annotations

import msgspec
import pytest

from raytui.core.errors import NotFound, RefusedForSafety
from raytui.core.remedy import as_commands
from raytui.core.serve import ServeApplication, ServeState, removal_lines, removal_of


def declared(name: str, **more: object) -> ServeApplication:
    fields = {"source": "declarative", "config": {"name": name, "import_path": f"{name}:app"}, **more}
    return ServeApplication(name, "RUNNING", deployments=(("Api", 2), ("Model", 1)), **fields)  # type: ignore[arg-type]


IMPERATIVE = ServeApplication("notebook", "RUNNING", "imperative", deployments=(("Chat", 1),))


def test_what_stays_is_applied_again_and_what_serve_run_deployed_is_left_alone():
    removal = removal_of(ServeState((declared("a"), declared("b"), declared("c"), IMPERATIVE), 50.0), ["a", "c"])
    assert removal.config == {"applications": [{"name": "b", "import_path": "b:app"}], "target_capacity": 50.0}
    assert removal_lines(removal) == (
        "ends Serve application a: Api (2 replicas), Model (1 replica)",
        "ends Serve application c: Api (2 replicas), Model (1 replica)",
        "stays: b, notebook",
    )


def test_the_last_one_goes_by_an_empty_config():
    removal = removal_of(ServeState((declared("a"),)), ["a"])
    assert removal.config == {"applications": []}
    assert removal_lines(removal)[1] == "no other application is left; Serve itself goes on"


def test_one_that_is_being_deleted_is_only_waited_for():
    gone = ServeApplication("a", "DELETING", "declarative")
    removal = removal_of(ServeState((gone, declared("b"))), ["a"])
    assert not removal.changes
    assert removal_lines(removal)[0] == "a is being deleted already"


def test_an_unknown_name_says_what_there_is():
    with pytest.raises(NotFound) as raised:
        removal_of(ServeState((declared("a"), IMPERATIVE)), ["b"])
    assert as_commands(raised.value.hint) == "it runs: a, notebook"


def test_what_serve_run_deployed_is_refused_with_the_command_that_deletes_it():
    with pytest.raises(RefusedForSafety, match=r"deployed by serve\.run") as raised:
        removal_of(ServeState((IMPERATIVE,)), ["notebook"])
    assert "serve.delete('notebook')" in as_commands(raised.value.hint)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (declared("b", config=None), "does not tell the config of b"),
        (declared("b", source=""), "does not tell the config of b"),
        (declared("b", config={"name": "c"}), "does not tell the config of b"),
        (declared("b", config={"import_path": "b:app"}), "does not tell the config of b"),
        (declared("a"), "names look the same"),
        (declared("b", scaled_outside=True), "the replicas of b are set from outside"),
    ],
)
def test_it_is_refused_where_another_could_be_changed(other, why):
    with pytest.raises(RefusedForSafety, match=why):
        removal_of(ServeState((declared("a"), other)), ["a"])


def test_a_deployment_that_has_not_succeeded_begins_anew_and_that_is_said():
    failed = msgspec.structs.replace(declared("b"), status="DEPLOY_FAILED")
    removal = removal_of(ServeState((declared("a"), failed, declared("c"))), ["a"])
    assert removal_lines(removal)[1:] == (
        "stays: b, c",
        "deployed anew, since that has not succeeded yet: b",
    )


@pytest.mark.parametrize("name", ["$(reboot)", "a'); import os; os.abort(); ('", 'a"; reboot; "'])
def test_no_command_to_copy_holds_a_name_that_is_more_than_one(name):
    with pytest.raises(RefusedForSafety) as raised:
        removal_of(ServeState((msgspec.structs.replace(IMPERATIVE, name=name),)), [name])
    assert as_commands(raised.value.hint) == "whoever has its program can delete it"
