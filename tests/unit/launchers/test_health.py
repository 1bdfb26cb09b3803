from __future__ import annotations

import http.server
import socket
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raytui_node.health import _exchange, _fields, _hpack_text, probe_gcs, split_address

from tests.unit.launchers.gcs import fake_gcs, frame

NODE = "ab" * 28


def test_a_head_is_known_by_its_version_and_cluster():
    with fake_gcs() as gcs:
        probe = probe_gcs(gcs.address)
    assert (probe.healthy, probe.ray_version, probe.cluster_id, probe.node_alive, probe.problem) == (
        True,
        "2.60.0",
        "e0" * 28,
        None,
        "",
    )


@pytest.mark.parametrize("alive", [True, False])
def test_gcs_says_whether_a_node_is_alive(alive: bool):
    with fake_gcs() as gcs:
        gcs.alive = alive
        assert probe_gcs(gcs.address, "", NODE).node_alive is alive


@pytest.mark.parametrize("stage", ["starting", "ready", "registered"])
def test_gcs_says_how_far_a_starting_head_is(stage: str):
    with fake_gcs() as gcs:
        gcs.stage = stage
        assert probe_gcs(gcs.address, head=True).head == stage
        assert probe_gcs(gcs.address).head == ""


def test_an_answer_in_single_bytes_is_put_together():
    with fake_gcs() as gcs:
        gcs.slowly = True
        assert probe_gcs(gcs.address).healthy


def test_the_token_travels_as_a_bearer_and_a_refusal_is_told_apart():
    token = "t" * 300
    with fake_gcs() as gcs:
        assert probe_gcs(gcs.address, token).healthy
        assert f"Bearer {token}".encode() in gcs.seen[0]
        gcs.refuse = True
        probe = probe_gcs(gcs.address, "wrong")
    assert (probe.healthy, probe.refused) == (False, True)
    assert "refuses the token" in probe.problem


def test_long_texts_are_sized_as_hpack_asks():
    assert _hpack_text("x" * 126)[0] == 126
    assert _hpack_text("x" * 127)[:2] == bytes([127, 0])
    assert _hpack_text("x" * 300)[:3] == bytes([127, 173, 1])


def test_nothing_listens():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    probe = probe_gcs(f"127.0.0.1:{port}")
    assert not probe.connected
    assert f"nothing answers at 127.0.0.1:{port}" in probe.problem


def test_a_connection_that_is_accepted_and_never_answered_proves_nothing():
    with fake_gcs() as gcs:
        gcs.mute = True
        probe = probe_gcs(gcs.address, timeout=0.2)
    assert (probe.connected, probe.healthy) == (True, False)
    assert "does not answer as a Ray head" in probe.problem


def test_a_web_server_is_no_head():
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    probe = probe_gcs(f"127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()
    thread.join()
    assert (probe.connected, probe.healthy) == (True, False)


def test_an_unresolvable_name_is_a_problem_not_an_error():
    assert not probe_gcs("no-such-host.invalid:6379").connected
    assert not probe_gcs("x" * 70 + ".invalid:6379").connected


@pytest.mark.parametrize("address", ["", "host", "host:", ":6379", "host:0", "host:70000", "host:abc"])
def test_an_address_without_host_or_port_is_refused(address: str):
    with pytest.raises(ValueError, match="HOST:PORT"):
        split_address(address)


def test_addresses_are_split():
    assert split_address(" 10.0.0.5:6379\n") == ("10.0.0.5", 6379)
    assert split_address("[::1]:6379") == ("::1", 6379)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=100)
    | st.lists(
        st.builds(frame, st.integers(0, 9), st.integers(0, 255), st.integers(0, 7), st.binary(max_size=40)), max_size=8
    ).map(b"".join)
)
def test_any_bytes_from_the_other_side_are_survived(data: bytes):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        bodies, statuses = _exchange(ours, b"", [1, 3, 5], time.monotonic() + 60)
    for body in bodies.values():
        assert isinstance(_fields(body), dict)
    assert all(0 <= status <= 99 for status in statuses.values())
