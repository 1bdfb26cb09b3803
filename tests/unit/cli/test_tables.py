"""What every list takes: a filter, an order, columns, a limit, and being watched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator

import msgspec
import pytest

from raytui import bootstrap
from raytui.cli import following
from raytui.core.errors import Failure
from raytui.core.events import Event
from raytui.core.observed.snapshot import Job, Reading, Snapshot
from raytui.manager.journal import Journal
from raytui.startup import main
from raytui.view.tables.registry import TABLES
from tests.fakes.platform import FakePlatform
from tests.unit.cli.conftest import Seen
from tests.unit.core.values import NOW, application, node, snapshot
from tests.unit.view.test_tables import TOY

THREE = snapshot(
    (application(0), application(1), application(2, "failed", message="exit 137")),
    (node(0, cpu_percent=12.0), node(1, cpu_percent=88.0), node(2, "DEAD", message="killed")),
)


def names(out: str) -> list[str]:
    return [line.split()[0] for line in out.splitlines()[1:]]


def test_a_list_needs_its_definition_and_nothing_else(show, call, text, monkeypatch):
    monkeypatch.setitem(TABLES, "toys", TOY)
    show(THREE)
    assert text("toys")[1].splitlines() == ["TOY    STATE    SIZE", "alpha  running     5", "beta   failed      4"]
    assert names(text("toys", "--filter", "state=failed")[1]) == ["beta"]
    assert names(text("toys", "--sort", "size")[1]) == ["beta", "alpha"]
    assert call("toys", "--columns", "size,toy")[1]["items"] == [
        {"size": 5, "toy": "alpha"},
        {"size": 4, "toy": "beta"},
    ]
    help_text = text("toys", "--help")[1]
    assert "Toys and the state that they are in." in help_text
    assert "toys" in text("--help")[1]


def test_a_filter_selects_rows_and_the_total_is_theirs(show, call, text):
    show(THREE)
    assert names(text("nodes", "--filter", "cpu>80")[1]) == ["worker-1"]
    document = call("apps", "--filter", "platform=failed")[1]
    assert [item["name"] for item in document["items"]] == ["ray-cluster-worker-2"]
    assert (document["total"], document["truncated"]) == (1, False)


def test_an_order_is_by_values_and_what_is_unknown_stands_last(show, text):
    show(THREE)
    assert names(text("nodes", "--sort", "-cpu")[1]) == ["worker-1", "head", "worker-2"]
    assert names(text("nodes", "--sort", "cpu")[1]) == ["head", "worker-1", "worker-2"]


def test_columns_are_those_that_were_named_in_their_order(show, call, text):
    show(THREE)
    assert text("nodes", "--columns", "cpu,name")[1].splitlines()[:2] == [" CPU  NAME", "12 %  head"]
    assert call("nodes", "--columns", "name,state")[1]["items"][0] == {"name": "ray-cluster-head", "state": "ALIVE"}


def test_without_columns_a_document_is_whole(show, call):
    show(THREE)
    assert {"node_id", "resources", "labels", "application", "started_at"} <= set(call("nodes")[1]["items"][0])


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        (("--filter", "age>3"), ["filter"]),
        (("--filter", "re:(", "--columns", "colour"), ["filter", "columns"]),
        (("--sort", "-size", "--limit", "no"), ["limit", "sort"]),
    ],
)
def test_a_list_that_cannot_be_made_is_refused_before_anything_is_asked(call, words, fields):
    code, document, _ = call("nodes", *words)
    assert (code, [problem["field"] for problem in document["error"]["problems"]]) == (2, fields)


def test_a_filter_that_passes_nothing_is_said(show, text):
    show(THREE)
    code, out, err = text("nodes", "--filter", "nobody")
    assert (code, out, err) == (0, "", "none of the 3 nodes of ray-cluster passes the filter\n")


def test_a_filter_over_a_part_of_a_list_claims_no_total(show, call, text):
    jobs = tuple(Job(f"j{n}", "FAILED") for n in range(3))
    seen = snapshot(jobs=jobs)
    show(msgspec.structs.replace(seen, jobs=msgspec.structs.replace(seen.jobs, total=10)))
    document = call("jobs", "--filter", "j1")[1]
    assert (len(document["items"]), document["total"], document["truncated"]) == (1, None, True)
    assert "the filter looked at 3 of 10 jobs" in text("jobs", "--filter", "j1")[2]


def test_status_and_list_show_the_same_words(show, text):
    show(THREE)
    status = [line.split()[:3] for line in text("status")[1].splitlines() if line.startswith("  ")]
    listed = [line.split()[:3] for line in text("apps")[1].splitlines()]
    assert all(row in status for row in listed)


def test_conditions_are_a_list(show, call, text):
    show(THREE)
    item = call("conditions")[1]["items"][0]
    assert (item["subject"], item["severity"]) == ("ray-cluster-worker-2", "error")
    assert "worker-2" in text("conditions", "--filter", "severity=error")[1]


class Watched(Seen):
    """A session that sees one snapshot after the other and then nothing more."""

    def __init__(self, settings, seen: tuple[Snapshot, ...]) -> None:
        super().__init__(settings, seen[0], FakePlatform())
        self._seen = seen

    async def snapshots(self, interval: float = 2.0, questions: object = ()) -> AsyncGenerator[Snapshot]:
        for one in self._seen:
            yield one


@pytest.fixture
def watched(monkeypatch):
    def use(*seen: Snapshot) -> None:
        monkeypatch.setattr(bootstrap, "open_session", lambda settings, long_lived=False: Watched(settings, seen))

    return use


def later(seen: Snapshot, seconds: float) -> Snapshot:
    return msgspec.structs.replace(seen, observed_at=seen.observed_at + seconds)


def test_a_watched_list_is_printed_again_only_when_it_changed(watched, text, capsys):
    hotter = snapshot(THREE.applications.value, (node(0, cpu_percent=13.0), *THREE.nodes.value[1:]))
    watched(THREE, later(THREE, 2), later(hotter, 4))
    code, out, _ = text("nodes", "--watch", "--columns", "name,cpu,up")
    blocks = out.split("\n\n")
    assert (code, len(blocks)) == (0, 2)
    assert [line.split()[1] for block in blocks for line in block.splitlines() if line.startswith("head")] == [
        "12",
        "13",
    ]
    main(["nodes", "--watch", "-o", "json", "--columns", "name"])
    assert [len(json.loads(line)["items"]) for line in capsys.readouterr().out.splitlines()] == [3]


def test_a_watched_list_of_events_has_what_raytui_does_meanwhile(monkeypatch, text, tmp_path):
    monkeypatch.setenv("RAYTUI_STATE_DIR", str(tmp_path))
    journal, quiet = Journal(tmp_path), msgspec.structs.replace(THREE, events=Reading(()))

    class Changing(Watched):
        async def snapshots(self, interval: float = 2.0, questions: object = ()) -> AsyncGenerator[Snapshot]:
            for seconds, verb in ((0, "start"), (2, "scale"), (4, "stop")):
                said = Event(NOW + seconds, "raytui", "ray-cluster", verb.capitalize(), f"{verb} of ray-cluster")
                journal.add("ray-cluster", said)
                yield later(quiet, seconds)

    monkeypatch.setattr(bootstrap, "open_session", lambda settings, long_lived=False: Changing(settings, (THREE,)))
    blocks = text("events", "--watch")[1].split("\n\n")
    assert [sum(" of ray-cluster" in line for line in block.splitlines()) for block in blocks] == [1, 2, 3]


def test_trouble_while_watching_is_told_once_and_ends_nothing(watched, text):
    silent = Failure("dashboard", "ConnectionRefused", "nothing listens at 127.0.0.1:8265", conclusive=True)
    gone = snapshot(THREE.applications.value, silent, gcs=silent)
    watched(gone, later(gone, 2), later(THREE, 4))
    code, out, err = text("nodes", "--watch")
    assert (code, err.count("nothing listens at 127.0.0.1:8265"), len(out.splitlines())) == (0, 1, 4)


def test_a_terminal_has_the_list_drawn_in_place(watched, text, monkeypatch):
    monkeypatch.setattr("raytui.cli.output.Output.in_place", True)
    monkeypatch.setattr(following.shutil, "get_terminal_size", lambda: os.terminal_size((20, 6)))
    watched(THREE, later(THREE, 2))
    out = text("nodes", "--watch")[1]
    first, second = out.split("\x1b[H")[1:]
    assert first.startswith("\x1b[2J")
    assert "… 2 more" in second
    assert all(len(line) <= 20 for line in second.replace("\x1b[K", "").replace("\x1b[J", "").splitlines())


def test_a_terminal_gets_no_line_that_is_wider_than_it(show, text, monkeypatch):
    show(
        snapshot(
            jobs=tuple(Job(f"j{n}", "FAILED", "python " + "x" * 50, "why " * 20, started_at=NOW) for n in range(3))
        )
    )
    whole = text("jobs")[1].splitlines()
    monkeypatch.setattr("raytui.cli.output.Output.is_terminal", True)
    monkeypatch.setattr("raytui.cli.listed.shutil.get_terminal_size", lambda: os.terminal_size((80, 24)))
    cut = text("jobs", "--color", "never")[1].splitlines()
    assert max(map(len, cut)) <= 80 < max(map(len, whole))
    assert [line.split()[:2] for line in cut] == [line.split()[:2] for line in whole]
    assert "…" in cut[1]


def test_a_reader_that_has_left_ends_a_watch_that_has_nothing_to_say():
    program = "import sys\nfrom raytui.cli.output import Output\nsys.stdin.read()\nOutput(json=False).check_reader()\n"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stdin.close()
    with process.stderr as stderr:
        reported = stderr.read()
    process.wait()
    assert "BrokenPipeError" in reported
