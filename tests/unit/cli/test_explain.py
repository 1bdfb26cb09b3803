"""`raytui explain`: the chain, the witnesses, times, logs that are read for it alone, and words that name nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from raytui.core.observed.snapshot import RayVersion
from tests.fakes.dashboard import recorded
from tests.unit.core.causes.test_deaths import LOST, said
from tests.unit.core.test_stories import FAILED, REFUSED, seen
from tests.unit.core.values import application, node, snapshot


def test_a_failed_job_with_its_witnesses(show, call, text):
    show(seen())
    code, document, _ = call("explain", "raysubmit_abc")
    assert (code, document["kind"], document["cause"]["kind"]) == (0, "job", "exception")
    assert [moment["message"] for moment in document["moments"]][:2] == ["submitted", "FAILED"]
    lines = text("explain", "raysubmit_abc")[1].splitlines()
    assert lines[0].startswith("FAILED  job raysubmit_abc   ended ")
    assert lines[1] == "  job raysubmit_abc failed: ValueError: wrong"
    assert "Who said what" in lines
    assert "What happened when" in lines


def test_a_chain_is_told_from_its_end_to_its_beginning(show, text):
    gone = "the head is gone: this node lost the connection to GCS"
    apps = (
        application(0, "failed", **said("GCS ended (killed by signal 9)")),
        application(1, "failed", **said(gone)),
    )
    show(snapshot(apps, (node(0, **LOST), node(1, **LOST))))
    lines = text("explain", "worker-1")[1].splitlines()
    assert lines[1].strip() == "node worker-1 ended because it lost its head"
    assert lines[2].strip().startswith("because node head was killed by signal 9 (GCS ended)")


def test_a_word_that_names_nothing_is_not_found(show, call):
    show(seen())
    code, document, _ = call("explain", "worker-9")
    assert (code, document["error"]["reason"]) == (5, "NotFound")
    assert "worker-1" in document["error"]["hint"]


def test_a_word_that_cannot_be_looked_for_is_unreachable_and_not_missing(show, call):
    show(snapshot(nodes=REFUSED, gcs=REFUSED, jobs=REFUSED, actors=REFUSED))
    code, document, _ = call("explain", "raysubmit_abc")
    assert (code, document["error"]["reason"]) == (6, "ConnectionRefused")


def test_what_was_not_asked_is_said(show, call):
    show(snapshot(jobs=(FAILED,), actors=REFUSED))
    code, document, err = call("explain", "raysubmit_abc")
    assert (code, document["missing"]) == (0, ["actors could not be read: nothing listens at 127.0.0.1:8265"])
    assert "actors could not be read" in err


@pytest.fixture
def metrics_port() -> Iterator[int]:
    """A node's metrics, as Ray 2.60 told them, with a raylet whose event loop is late."""
    name = b'ray_io_context_event_loop_lag_ms{Component="raylet",Name="late"} 1200.0\n'
    body = name + recorded("metrics.txt").replace(b"10.77.0.4", b"127.0.0.1")

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_a_node_that_lives_is_told_with_what_it_measures(show, call, text, metrics_port):
    version = RayVersion("2.60.0", "session_2026-11-23_17-20-26_263536_10939")
    show(snapshot(nodes=(node(0), node(1, metrics_port=metrics_port)), version=version))
    code, document, err = call("explain", "worker-1")
    assert (code, document["metrics"]["event_loop_lag_seconds"], document["missing"], err) == (0, 1.2, [], "")
    assert document["metrics"]["memory_total_bytes"] == 25276514304
    lines = text("explain", "worker-1")[1].splitlines()
    assert lines[1] == "  application worker-1 is ALIVE; its event loop late lagged by 1.2 s"
    assert lines[3:6] == [
        "What the node measures now",
        "  event loop lag  1.2 s (late)",
        "  health checks   11 of nodes, 0.955 ms on average, none longer than 1 s",
    ]


def test_figures_that_cannot_be_read_are_missing_and_the_story_is_told_without_them(show, call):
    show(snapshot())
    code, document, err = call("explain", "worker-1")
    assert (code, document["metrics"]) == (0, None)
    assert document["missing"] == ["Ray reported no address of the metrics of ray-cluster-worker-1"]
    assert "no address of the metrics" in err
