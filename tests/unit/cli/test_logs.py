"""The verb `logs`: which log, which of its lines, and how a follow ends."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator

import msgspec
import pytest

from raytui.core.errors import Failure, Unreachable
from raytui.core.observed.shipped_logs import NodeLife, life_of
from raytui.core.observed.snapshot import Application, Job, LauncherReport
from raytui.core.protocols.platform import LogChunk
from raytui.logs.sources import following
from tests.fakes.platform import FakePlatform
from tests.unit.core.values import NOW, application, node, snapshot

REFUSED = Failure(
    "dashboard", "ConnectionRefused", "nothing listens at 127.0.0.1:8265", "raytui restart head", conclusive=True
)
APPS = (application(0), application(1))
DEAD = node(1, "DEAD", message="health check failed")
KEPT = "ray-cluster/logs/worker-1-e1.raylet.out.tail"


@pytest.fixture
def platform() -> FakePlatform:
    made = FakePlatform(APPS)
    made.output["ray-cluster-head"] = b"".join(b"line %d\n" % n for n in range(300))
    made.files["ray-cluster/nodes/ray-cluster-worker-1.json"] = b'{"engine_id": "e1"}'
    made.files[KEPT] = b"before\nthe last word\n"
    return made


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine is far from UTC."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_the_last_hundred_lines_of_the_head_are_shown_when_nothing_is_said(show, text, platform):
    show(snapshot(), platform)
    code, out, _ = text("logs")
    assert (code, out.splitlines()[0], out.splitlines()[-1], len(out.splitlines())) == (0, "line 200", "line 299", 100)


@pytest.mark.parametrize(
    ("words", "count"), [("-n 3", 3), ("--lines 0", 0), ("-n -1", 300), ("--lines=-1", 300), ("-n 9999", 300)]
)
def test_lines_are_counted_from_the_end(show, text, platform, words, count):
    show(snapshot(), platform)
    code, out, _ = text("logs", "head", *words.split())
    assert (code, len(out.splitlines())) == (0, count)


def test_a_filter_sees_the_whole_log_unless_lines_are_named(show, text, platform):
    show(snapshot(), platform)
    assert text("logs", "--grep", "line 7$")[1] == "line 7\n"
    assert text("logs", "--grep", "line 7$", "-n", "10")[:2] == (0, "")


def test_a_line_that_is_too_long_to_be_searched_whole_is_said(show, text, platform):
    show(snapshot(), platform)
    platform.output["ray-cluster-head"] = b"a needle\n" + b"x" * 2_000_000 + b" needle\n"
    said = "1 line longer than 1 MB was searched in its first 64 KB only"
    code, out, err = text("logs", "head", "--grep", "needle")
    assert (code, out) == (0, "a needle\n")
    assert err.count(f"head was not searched whole: {said}") == 1
    _, out, _ = text("-o", "json", "logs", "head", "--grep", "needle")
    assert json.loads(out.splitlines()[-1])["missed"] == {"source": "head", "reason": said}
    _, out, _ = text("-o", "json", "logs", "head", "--grep", "needle", "--count")
    assert json.loads(out)["missed"] == [{"source": "head", "reason": said}]


def test_context_surrounds_matches_and_parts_groups(show, text, platform):
    show(snapshot(), platform)
    out = text("logs", "--grep", "line (5|50)$", "-C", "1")[1]
    assert out.splitlines() == ["line 4", "line 5", "line 6", "--", "line 49", "line 50", "line 51"]


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize(("profile", "clock"), [("local", time.localtime), ("cai", time.gmtime)])
def test_since_reads_times_by_the_clock_of_where_the_node_runs(show, text, monkeypatch, profile, clock):
    for name, value in {
        "CML_HOST": "https://ml.example.site",
        "CML_PROJECT_ID": "aaaa-bbbb-cccc-dddd",
        "CML_API_KEY": "k",
    }.items():
        monkeypatch.setenv(name, value)
    made = FakePlatform(APPS)
    lines = [time.strftime(f"%Y-%m-%d %H:%M:%S,000 {age}", clock(time.time() - age)) for age in (7200, 600, 0)]
    made.output["ray-cluster-head"] = "\n".join(lines).encode()
    show(snapshot(), made)
    code, out, _ = text("-p", profile, "logs", "--since", "1h")
    assert (code, [line.split()[-1] for line in out.splitlines()]) == (0, ["600", "0"])
    assert text("-p", profile, "logs", "--since", "1m")[1].split()[-1:] == ["0"]


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ("-n many", "lines"),
        ("-n -2", "lines"),
        ("-C -1", "context"),
        ("-C x --grep a", "context"),
        ("--grep [", "grep"),
        ("--since soon", "since"),
    ],
)
def test_usage_is_refused_before_anything_is_asked(show, call, words, field):
    show(snapshot(applications=(), nodes=()))
    code, document, _ = call("logs", *words.split())
    assert (code, [problem["field"] for problem in document["error"]["problems"]]) == (2, [field])


def test_lines_as_json_are_one_object_a_line(show, text, platform):
    show(snapshot(), platform)
    rows = [json.loads(line) for line in text("logs", "-n", "2", "-o", "json")[1].splitlines()]
    same = {"schema_version": 1, "source": "head", "at": None, "level": None}
    assert rows == [{"line": "line 298", "offset": 2572, **same}, {"line": "line 299", "offset": 2581, **same}]


def test_the_list_names_launchers_what_a_dead_node_left_and_jobs(show, call, text, platform):
    job = Job("raysubmit_1", "FAILED", type="SUBMISSION", driver_node_id="n0" * 8)
    show(snapshot(nodes=(DEAD,), jobs=(job,)), platform)
    code, document, err = call("logs", "--list")
    assert (code, err) == (0, "")
    assert [(item["name"], item["kind"]) for item in document["items"]] == [
        ("head", "launcher"),
        ("worker-1", "launcher"),
        ("worker-1/raylet.out", "kept"),
        ("job/raysubmit_1", "job"),
    ]
    assert text("logs", "--list")[1].split() == [item["name"] for item in document["items"]]


def test_a_list_without_ray_says_what_it_lacks(show, call, platform):
    show(snapshot(nodes=REFUSED, gcs=REFUSED, jobs=REFUSED), platform)
    code, document, err = call("logs", "--list")
    assert (code, document["total"]) == (0, 3)
    assert "nothing listens at 127.0.0.1:8265" in err


@pytest.mark.parametrize(
    "source",
    ["hed", "worker-9", "worker-1/raylet.ouch", "job/none", "worker-9/raylet.out", "", "/", "../../etc/passwd"],
)
def test_a_log_that_is_not_there_is_not_found(show, call, platform, source):
    show(snapshot(nodes=(DEAD,)), platform)
    code, document, _ = call("logs", source)
    assert (code, document["error"]["reason"]) == (5, "NotFound")
    assert "raytui logs --list" in document["error"]["hint"]


def test_the_nearest_log_is_named(show, call, platform):
    show(snapshot(nodes=(DEAD,)), platform)
    assert "did you mean worker-1/raylet.out?" in call("logs", "worker-1/raylet.ot")[1]["error"]["hint"]


@pytest.mark.parametrize(
    "source", ["head/raylet.out", "worker-1/dashboard.log", "job/raysubmit_1", "node-abcd1234/raylet.out"]
)
def test_a_log_behind_a_broken_link_is_unreachable_not_missing(show, call, platform, source):
    show(snapshot(nodes=REFUSED, gcs=REFUSED, jobs=REFUSED), platform)
    code, document, _ = call("logs", source)
    assert (code, document["error"]["broken_link"]["layer"]) == (6, "dashboard")


def test_a_job_behind_a_head_that_is_not_up_is_unreachable(show, call, platform):
    plain = snapshot(applications=(application(0, "starting", started_at=0.0),))
    unasked = msgspec.structs.replace(plain.nodes, value=None)
    show(msgspec.structs.replace(plain, nodes=unasked, jobs=unasked), platform)
    code, document, _ = call("logs", "job/raysubmit_1")
    assert (code, document["error"]["broken_link"]["layer"]) == (6, "application")


@pytest.mark.parametrize("nodes", [(DEAD,), REFUSED])
def test_what_a_dead_node_left_can_be_read(show, text, platform, nodes):
    show(snapshot(nodes=nodes), platform)
    assert text("logs", "worker-1/raylet.out")[:2] == (0, "before\nthe last word\n")


def test_a_follow_to_the_end_of_its_source_is_done_and_says_why(show, text, platform):
    show(snapshot(nodes=(DEAD,)), platform)
    code, out, err = text("logs", "worker-1/raylet.out", "-f")
    assert (code, out) == (0, "before\nthe last word\n")
    assert "the node of worker-1/raylet.out is gone" in err


def test_a_follow_ends_with_its_application(show, text, platform, monkeypatch):
    monkeypatch.setattr(following, "CHECK_S", 0.01)
    monkeypatch.setattr(following, "FASTEST_POLL_S", 0.01)
    platform.set("ray-cluster-head", state="failed", message="out of memory")
    show(snapshot(), platform)
    code, out, err = text("logs", "-f", "-n", "1")
    assert (code, out) == (0, "line 299\n")
    assert "head has ended (failed): out of memory" in err


class Breaking(FakePlatform):
    """A platform that is gone after the first piece of a log."""

    async def tail(self, application: Application, offset: int | None = None, limit: int = 65536) -> LogChunk:
        if self.count("tail"):
            raise Unreachable(
                Failure("platform", "NoRoute", "ml.example.site cannot be reached from here", "check the network")
            )
        return await super().tail(application, offset, limit)


def test_a_follow_that_breaks_off_exits_1_and_says_so(show, text):
    broken = Breaking(APPS)
    broken.output["ray-cluster-head"] = b"one\ntwo\n"
    show(snapshot(), broken)
    code, out, err = text("logs", "--follow")
    assert (code, out) == (1, "one\ntwo\n")
    assert "the log of head broke off: ml.example.site cannot be reached from here" in err


def test_a_follow_as_json_is_one_object_a_line_to_its_end(show, text):
    broken = Breaking(APPS)
    broken.output["ray-cluster-head"] = b"one\ntwo\n"
    show(snapshot(), broken)
    code, out, _ = text("logs", "-f", "-o", "json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, [row.get("line") for row in rows]) == (1, ["one", "two", None])
    unknown = {"at": None, "level": None, "offset": None}
    assert rows[0] == {"schema_version": 1, "source": "head", "line": "one", **unknown}
    assert rows[2]["error"]["reason"] == "LogBrokeOff"


def test_a_filter_holds_while_following(show, text, platform):
    show(snapshot(nodes=(DEAD,)), platform)
    assert text("logs", "worker-1/raylet.out", "-f", "--grep", "last")[1] == "the last word\n"


def test_what_programs_print_when_they_die_is_harmless(show, text):
    made = FakePlatform(APPS)
    made.output["ray-cluster-head"] = b"\x1b]0;title\x07ok\x1b[2J\n\xff\xfe\n50%\r100%\nno newline"
    show(snapshot(), made)
    code, out, _ = text("logs")
    assert code == 0
    assert not set(out) & set("\x1b\x07\r")
    assert out.splitlines()[-2:] == ["100%", "no newline"]


def test_the_log_of_a_kept_report_needs_no_head(show, text, platform):
    alone = snapshot(
        applications=(application(1, "failed", launcher=LauncherReport(state="failed", at=NOW)),), nodes=REFUSED
    )
    show(alone, platform)
    assert text("logs", "worker-1/raylet.out", "-n", "1")[1] == "the last word\n"


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$"])
def test_a_pattern_that_backtracks_does_not_hang_the_command(show, text, pattern):
    made = FakePlatform(APPS)
    made.output["ray-cluster-head"] = (b"a" * 5000 + b"b\n") * 20 + b"aaa\n"
    show(snapshot(), made)
    assert text("logs", "--grep", pattern)[:2] == (0, "aaa\n")


def test_a_pattern_with_look_around_is_refused_with_what_can_be_used(show, call):
    show(snapshot())
    code, document, _ = call("logs", "--grep", "^(?!.*heartbeat)")
    (problem,) = document["error"]["problems"]
    assert (code, problem["field"]) == (2, "grep")
    assert "RE2" in problem["hint"]


def test_context_goes_on_over_the_pieces_in_which_lines_are_looked_at(show, text, monkeypatch, platform):
    monkeypatch.setattr("raytui.logs.search.one_log.BATCH", 2)
    show(snapshot(), platform)
    out = text("logs", "--grep", "line (5|50)$", "-C", "1")[1]
    assert out.splitlines() == ["line 4", "line 5", "line 6", "--", "line 49", "line 50", "line 51"]


def test_without_a_cluster_what_was_shipped_is_listed_and_searched(show, text, call, platform):
    platform.applications.clear()
    show(snapshot((), ()), platform)
    assert text("logs", "--list")[0] == 5
    path = "c/logs/worker-1/20261125T000001Z-000001/raylet.err.000000000000000.gz"
    platform.files[path] = gzip.compress(b"the last words\n")
    record = b'{"at": "2026-11-25T00:10:00.000Z", "ended": true}'
    files = [(path.rpartition("/")[2], len(platform.files[path]))]
    place, _, name = path.rpartition("/")[0].rpartition("/")
    platform.kept_lives = (life_of("worker-1", name, f"{place}/{name}", record, files),)
    code, out, _ = text("logs", "--list")
    assert (code, out) == (0, f"worker-1/raylet.err  (kept of the life {name}, until 2026-11-25T00:10:00.000Z)\n")
    code, out, _ = text("logs", "--all", "--grep", "last words")
    assert (code, out) == (0, "worker-1/raylet.err: the last words\n")
    code, document, _ = call("logs", "--list")
    assert (document["items"][0]["life"], document["items"][0]["until"]) == (name, "2026-11-25T00:10:00.000Z")


def test_without_a_cluster_kept_logs_that_cannot_be_read_are_not_told_as_none(show, text, platform):
    platform.applications.clear()
    show(snapshot((), ()), platform)
    platform.kept_lives = (NodeLife("worker-1", unreadable="the folder is on fire"),)
    code, _, err = text("logs", "--list")
    assert code == 5
    assert "worker-1/* was not read: the folder is on fire" in err
