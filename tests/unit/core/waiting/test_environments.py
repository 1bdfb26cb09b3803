"""Whose runtime environment is read about, and what its log says of the step."""

from __future__ import annotations

import pytest

from raytui.core.observed.snapshot import Actor
from raytui.core.observed.workload import Task
from raytui.core.waiting.environments import MOST_JOBS, MOST_NODES, jobs_setting_up, nodes_to_ask, setup_of
from tests.unit.core.values import NOW, node

AT = "2026-11-24 22:00:00,123\tINFO"
CLONING = f"{AT} virtualenv_utils.py:75 -- Cloning virtualenv /venv to /tmp/ray/x/virtualenv\n"
COMMAND = (
    f"{AT} utils.py:76 -- Run cmd[3] ['/tmp/ray/x/virtualenv/bin/python', '-m', 'pip', 'install', "
    "'--disable-pip-version-check', '--no-cache-dir', '-r', '/tmp/ray/x/requirements.txt']\n"
)
CLONE = f"{AT} utils.py:76 -- Run cmd[1] ['/venv/bin/python3', '/venv/_clonevirtualenv.py', '/venv', '/tmp/x']\n"
FAILED = (
    COMMAND + f"{AT} pip.py:292 -- Delete incomplete virtualenv: /tmp/x\n"
    f"{AT} pip.py:294 -- Failed to install pip packages.\nTraceback (most recent call last):\n"
    "    ERROR: No matching distribution found for no-such-package\n"
)
"""Ray tries again after a second, three times in all."""


@pytest.mark.parametrize(
    ("log", "step", "last"),
    [
        (CLONING, "cloning virtualenv", "Cloning virtualenv /venv to /tmp/ray/x/virtualenv"),
        (CLONING + CLONE, "cloning virtualenv", "Run cmd[1] "),
        (CLONING + COMMAND, "pip install", "Run cmd[3] "),
        (CLONING + COMMAND + "\n", "pip install", "Run cmd[3] "),
        (COMMAND + "Collecting x\x1b[1m\n", "pip install", "Collecting x"),
        (f"{AT} utils.py:76 -- Run cmd[1] ['/opt/conda/bin/conda', 'env', 'create']\n", "conda env", "Run cmd[1] "),
        (COMMAND + f"{AT} utils.py:103 -- No output for cmd[3]\n", "pip install", "No output for cmd[3]"),
        (
            f"{AT} pip.py:250 -- Installing python requirements to /x\n",
            "installing python requirements",
            "Installing python requirements",
        ),
        (FAILED + CLONING, "cloning virtualenv", "Cloning virtualenv"),
    ],
)
def test_the_step_is_the_command_that_runs(log, step, last) -> None:
    setup = setup_of("01000000", log.encode())
    assert setup is not None
    assert (setup.job_id, setup.step) == ("01000000", step)
    assert setup.last_line.startswith(last)
    assert "\x1b" not in setup.last_line


@pytest.mark.parametrize(
    "end",
    [
        "",
        f"{AT} pip.py:187 -- Skip pip check.\n",
        f"{AT} pip.py:198 -- Pip check on /tmp/x successfully.\n",
        f"{AT} pip.py:292 -- Delete incomplete virtualenv: /tmp/x\n",
        f"{AT} pip.py:294 -- Failed to install pip packages.\n",
        FAILED,
    ],
)
def test_what_has_ended_is_not_being_set_up(end) -> None:
    assert setup_of("01000000", ((CLONING + COMMAND) * bool(end) + end).encode()) is None


def test_read_is_about_what_brings_an_environment_and_has_waited_for_a_while() -> None:
    def task(identity: str, state: str = "PENDING_NODE_ASSIGNMENT", since: float = NOW - 5, env: bool = True) -> Task:
        return Task(identity, "f", state, job_id=identity, since=since, has_runtime_env=env)

    tasks = (
        task("waits"),
        task("young", since=NOW - 4),
        task("new", since=NOW),
        task("ahead", since=NOW + 300),
        task("runs", "RUNNING"),
        task("plain", env=False),
        task("waits"),
    )
    actors = (
        Actor("a", "A", "PENDING_CREATION", job_id="actor", has_runtime_env=True),
        Actor("b", "A", "ALIVE", job_id="alive", has_runtime_env=True),
        Actor("c", "A", "PENDING_CREATION", job_id="bare"),
    )
    assert jobs_setting_up(tasks, actors, NOW) == ("waits", "ahead", "actor")
    assert len(jobs_setting_up([task(str(n)) for n in range(50)], (), NOW)) == MOST_JOBS


def test_the_nodes_that_are_asked_are_few_and_alive_the_head_first() -> None:
    nodes = (node(1, "DEAD"), *(node(n) for n in range(2, 20)), node(0))
    asked = nodes_to_ask(nodes)
    assert (asked[0], len(asked)) == ("n0" * 8, MOST_NODES)
    assert "n1" * 8 not in asked
