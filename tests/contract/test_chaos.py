"""A dozen seeded lives of clusters with a fifth of all requests failing: each ends as asked or with one error, and nothing is leaked."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.contract.chaos import OPTIONS, many
from tests.contract.process import bench

CLIENTS = ["http", *(["cmlapi"] if importlib.util.find_spec("cmlapi") else [])]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.timeout(600)
@pytest.mark.long
async def test_nothing_leaks_and_nothing_foreign_is_touched(tmp_path: Path, client: str):
    with bench(tmp_path, *OPTIONS) as made:
        assert await many(made, range(1, 13), client, side_by_side=12) == []
