"""A long answer is read piece by piece, with the same result as read whole."""

from __future__ import annotations

import asyncio
import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytui.core.errors import Unreachable
from raytui.dashboard import decode, payloads
from raytui.dashboard.client import BIG_BODY, connect
from raytui.dashboard.decode import Garbage, decode_rows
from tests.fakes.dashboard import FakeDashboard, many_nodes, recorded

BEGIN = (re.compile(rb'"summary"\s*:\s*\['), b'"nodeLogicalResources"')


class Row(msgspec.Struct):
    now: float | None = None
    name: str = ""
    parts: list[Row] = []


rows = st.recursive(
    st.builds(Row, st.floats(0, 1e9), st.text()),
    lambda inner: st.builds(Row, st.floats(0, 1e9), st.text(), st.lists(inner, max_size=4)),
    max_leaves=8,
)


def answer(summary: list[Row], indent: int | None, tail: dict[str, object]) -> bytes:
    return json.dumps(
        {"result": True, "data": {"summary": msgspec.to_builtins(summary), **tail}}, indent=indent
    ).encode()


@given(
    st.lists(rows, min_size=1, max_size=30),
    st.sampled_from([None, 1]),
    st.sampled_from([{}, {"nodeLogicalResources": {"a": "], }"}}]),
)
def test_pieces_give_what_the_whole_gives(summary, indent, tail):
    known = (decode.PIECE, decode._TRIES)
    decode.PIECE, decode._TRIES = 64, 10_000
    try:
        assert decode_rows(answer(summary, indent, tail), Row, *BEGIN) == summary
    finally:
        decode.PIECE, decode._TRIES = known


def test_recorded_figures_in_pieces_are_those_of_the_whole(monkeypatch):
    whole = payloads.parse_node_stats(recorded("nodes_summary.json"))
    for module in (decode, payloads):
        monkeypatch.setattr(module, "PIECE", 2000)
    asked = []
    monkeypatch.setattr(payloads, "decode", lambda *given: asked.append(given))
    assert payloads.parse_node_stats(recorded("nodes_summary.json")) == whole
    assert not asked


def test_a_row_that_cannot_be_read_costs_itself_and_not_the_list(monkeypatch):
    _, body = many_nodes(50)
    broken = body.replace(b'"cpu":10.0', b'"cpu":[]', 1)
    for module in (decode, payloads):
        monkeypatch.setattr(module, "PIECE", 500)
    found = payloads.parse_node_stats(broken)
    assert (len(found), found.unreadable) == (49, 1)


@pytest.mark.parametrize(
    "body", [b"[]", b'{"summary": []}', b'{"summary": [{"now": 1}, 7]} x', b'{"data": {"summary": [{"now": 1}']
)
def test_another_shape_is_garbage(body):
    with pytest.raises(Garbage):
        decode_rows(body, Row, *BEGIN)


async def test_long_answers_are_read_beside_the_event_loop(monkeypatch):
    threads = []
    original = asyncio.to_thread
    monkeypatch.setattr(asyncio, "to_thread", lambda work, *given: threads.append(work) or original(work, *given))
    async with FakeDashboard().serving() as server:
        server.bodies["/api/v0/nodes"], server.bodies["/nodes"] = many_nodes(3000)
        assert len(server.bodies["/nodes"]) > BIG_BODY
        dashboard = connect(server.target, long_lived=True)
        assert len(await dashboard.node_stats()) == 3000
        await dashboard.version()
        await dashboard.close()
    assert threads == [payloads.parse_node_stats]


async def test_an_answer_that_is_the_same_again_is_not_read_again(monkeypatch):
    read = []
    monkeypatch.setattr(
        "raytui.dashboard.client.parse_nodes", lambda body: read.append(body) or payloads.parse_nodes(body)
    )
    async with FakeDashboard().serving() as server:
        dashboard = connect(server.target, long_lived=True)
        first = await dashboard.nodes()
        assert await dashboard.nodes() is first
        assert len(read) == 1
        server.bodies["/api/v0/nodes"], _ = many_nodes(3)
        assert len(await dashboard.nodes()) == 3
        server.fail("500", "/api/v0/nodes")
        with pytest.raises(Unreachable):
            await dashboard.nodes()
        await dashboard.close()
