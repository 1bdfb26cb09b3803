"""The launcher modules on the path, as they are when a launcher runs from the checkout, and a world for each test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.launchers.world import ROOT, World

sys.path.insert(0, str(ROOT / "launchers"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()
