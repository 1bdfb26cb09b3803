"""`raytui serve delete` against a scripted dashboard, and `raytui serve` as the list that it was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from raytui.core.serve import ServeRemoval
from raytui.manager.serve import ServeRunner
from raytui.startup import main
from tests.fakes.dashboard import FakeDashboard, many_nodes, recorded
from tests.unit.cli.test_job import running


class Serve(FakeDashboard):
    """A Serve that applies configs as Ray 2.60 does: what a config deployed and no longer names goes."""

    def __init__(self) -> None:
        super().__init__()
        self.state: dict[str, Any] = json.loads(recorded("serve_applications.json"))
        for name, app in self.state["applications"].items():
            app |= {"source": "declarative", "deployed_app_config": {"name": name, "import_path": f"{name}:app"}}
        self.bodies["/api/v0/nodes"], self.bodies["/nodes"] = many_nodes(1)
        self.applied: list[dict[str, Any]] = []
        self.broken: bytes | None = None
        """What it answers in place of JSON of its own."""
        self.breaks_off = False
        """Whether the answer to a config is lost."""

    def _body(self, path: str, query: dict[str, list[str]]) -> bytes | None:
        if path != "/api/serve/applications/":
            return super()._body(path, query)
        if self.broken is not None:
            return self.broken
        if len(self.sent) > len(self.applied):
            config = json.loads(self.sent[-1][2])
            self.applied.append(config)
            kept = {app["name"] for app in config["applications"]}
            self.state["applications"] = {
                name: app
                for name, app in self.state["applications"].items()
                if app["source"] != "declarative" or name in kept
            }
            if self.breaks_off:
                raise ConnectionResetError
        return json.dumps(self.state).encode()


@pytest.fixture
def serve():
    with running(Serve()) as dashboard:
        yield dashboard


def test_one_application_is_deleted_and_the_others_are_applied_as_they_were(serve, capsys):
    before = serve.state["applications"]
    configs = [app["deployed_app_config"] for name, app in before.items() if name != "good"]
    assert main(["--address", serve.url, "serve", "delete", "good", "--yes"]) == 0
    assert [sorted(config["applications"], key=str) for config in serve.applied] == [sorted(configs, key=str)]
    assert "Serve application good is gone" in capsys.readouterr().out


def test_a_dry_run_says_what_ends_and_changes_nothing(serve, capsys):
    assert main(["--address", serve.url, "-o", "json", "serve", "delete", "good", "--dry-run"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["changed"] is True
    (step,) = document["steps"]
    assert (step["state"], step["message"]) == ("planned", "ends Serve application good: Good (2 replicas)")
    assert serve.applied == []


def test_without_a_terminal_it_says_what_would_end_and_which_flag_goes_on(serve, capsys):
    assert main(["--address", serve.url, "serve", "delete", "good"]) == 8
    reported = capsys.readouterr().err
    assert "ends Serve application good: Good (2 replicas)" in reported
    assert "--yes" in reported
    assert serve.applied == []


def test_a_name_of_nothing_and_a_read_only_call_are_refused(serve, capsys):
    assert main(["--address", serve.url, "serve", "delete", "nothing", "--yes"]) == 5
    assert main(["--address", serve.url, "--read-only", "serve", "delete", "good", "--yes"]) == 8
    assert serve.applied == []


def test_what_serve_run_deployed_stays_and_the_call_says_why(serve, capsys):
    serve.state["applications"]["good"]["source"] = "imperative"
    assert main(["--address", serve.url, "serve", "delete", "good", "--yes"]) == 8
    assert "deployed by serve.run" in capsys.readouterr().err
    assert serve.applied == []


def test_an_answer_that_was_lost_is_made_up_for_by_a_look(serve, capsys):
    serve.breaks_off = True
    assert main(["--address", serve.url, "-o", "json", "serve", "delete", "good", "--yes"]) == 0
    assert json.loads(capsys.readouterr().out)["changed"] is True
    assert len(serve.applied) == 1


def test_what_somebody_else_deleted_meanwhile_was_not_changed_by_this_call(serve, capsys, monkeypatch):
    plan = ServeRunner.plan

    async def planned(runner: ServeRunner, names: Sequence[str]) -> ServeRemoval:
        removal = await plan(runner, names)
        del serve.state["applications"]["good"]
        return removal

    monkeypatch.setattr(ServeRunner, "plan", planned)
    assert main(["--address", serve.url, "-o", "json", "serve", "delete", "good", "--yes"]) == 0
    assert json.loads(capsys.readouterr().out)["changed"] is False
    assert serve.applied == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"applications": 3}', b"\xff\xfe", b'{"applications": {"a": {"name": 7}}}']
)
def test_an_answer_that_cannot_be_read_deletes_nothing(serve, capsys, body):
    serve.broken = body
    assert main(["--address", serve.url, "serve", "delete", "good", "--yes"]) in {1, 6}
    assert "Traceback" not in capsys.readouterr().err
    assert serve.sent == []


def test_serve_alone_is_the_list(serve, capsys):
    assert main(["--address", serve.url, "serve", "--filter", "application=good", "-o", "json"]) == 0
    (item,) = json.loads(capsys.readouterr().out)["items"]
    assert (item["name"], item["replicas"], len(item["nodes"])) == ("Good", 2, 2)
