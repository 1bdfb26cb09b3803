"""What stands between a person and Ray's own tools is named before anything is asked of a dashboard."""

from __future__ import annotations

import pytest

from raytui.core.errors import Failure, NotAllowed, NotFound, RaytuiError, Unreachable
from raytui.core.protocols.dashboard import Dashboard, DashboardTarget
from raytui.manager.ray_tools import tool_environment
from tests.fakes.platform import FakePlatform
from tests.unit.core.values import snapshot


def _nobody(target: DashboardTarget) -> Dashboard:
    raise AssertionError(f"{target} was asked")


@pytest.mark.parametrize(
    ("applications", "kind", "code"),
    [
        (Failure("platform", "KeyRefused", "the key was refused", "make a new one"), NotAllowed, 4),
        ((), NotFound, 5),
        (Failure("platform", "NoAnswer", "the workbench did not answer", ""), Unreachable, 6),
    ],
)
async def test_what_keeps_tools_from_a_cluster_has_the_exit_code_of_every_verb(
    applications: object, kind: type[RaytuiError], code: int
) -> None:
    with pytest.raises(kind) as raised:
        await tool_environment(FakePlatform([]), _nobody, snapshot(applications=applications))
    assert raised.value.exit_code == code
