"""The logs of a test's own `platform`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from raytui.logs.engine import Logs
from tests.fakes.platform import FakePlatform
from tests.unit.logs.test_engine import dial


@pytest.fixture
async def logs(platform: FakePlatform) -> AsyncIterator[Logs]:
    made = Logs(platform, dial)
    yield made
    await made.close()
