"""What every test may count on, however the tests were started, and how they share a machine when they run side by side."""

from __future__ import annotations

import os
import signal

import hypothesis
import pytest

# What an example takes says more of the machine than of the code: beside a real Ray a process may wait for its turn
# longer than the 200 ms that hypothesis grants.
hypothesis.settings.register_profile("raytui", deadline=None)
hypothesis.settings.load_profile("raytui")

# A shell starts its background jobs with SIGINT ignored, and nohup ignores SIGHUP; children inherit that, and raytui
# leaves an ignored signal ignored.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Where a shell forbids Python to keep what it compiled, each of the many commands that tests run would compile raytui
# anew, which takes several times as long as running it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

MOST_WORKERS = 12
WAITING = ("tests/contract/", "tests/unit/workbench/", "tests/unit/platforms/", "tests/unit/launchers/")
"""Folders whose tests use a third of a core or less: they wait for other processes."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Workers of `-n auto`: two a core, since most tests wait; with three, beside a real Ray, some wait past their time."""
    return min(MOST_WORKERS, 2 * len(os.sched_getaffinity(0)))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Side by side, everything with a real Ray is one worker's, one after the other, and what takes long is begun first.

    While that Ray computes the other workers do what mostly waits, and what computes comes when Ray is done.
    """
    if not hasattr(config, "workerinput"):
        return
    for item in items:
        if item.get_closest_marker("real"):
            item.add_marker(pytest.mark.xdist_group("real"))
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    """When a test is begun: 0 is the first."""
    if item.get_closest_marker("real"):
        return 0
    if item.get_closest_marker("long"):
        return 1
    return 2 if item.nodeid.startswith(WAITING) else 3
