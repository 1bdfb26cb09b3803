"""What every test may count on, however the tests were started, and how they share a machine when they run side by side."""

from __future__ import annotations

import os
import signal

import pytest

# A shell starts its background jobs with SIGINT ignored, and nohup ignores SIGHUP; children inherit that, and raytui
# leaves an ignored signal ignored.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Where a shell forbids Python to keep what it compiled, each of the many commands that tests run would compile raytui
# anew, which takes several times as long as running it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

MOST_WORKERS = 8


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Workers of `-n auto`: two a core, since most tests wait for processes, pauses and answers that come late."""
    return min(MOST_WORKERS, 2 * len(os.sched_getaffinity(0)))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Side by side, everything with a real Ray is one worker's, one after the other, and what takes long is begun first."""
    if not hasattr(config, "workerinput"):
        return
    for item in items:
        if item.get_closest_marker("real"):
            item.add_marker(pytest.mark.xdist_group("real"))
    items.sort(key=lambda item: (item.get_closest_marker("real") is None, item.get_closest_marker("long") is None))
