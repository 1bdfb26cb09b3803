"""The rendered launchers as a notebook kernel executes them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.unit.launchers.world import Run, World

KERNEL = Path(__file__).with_name("kernel.py")


def start(world: World, role: str, **more: object) -> Run:
    return world.start(role, interpreter=(str(KERNEL),), **more)


def test_a_requested_end_falls_off_the_end(world: World):
    run = start(world, "head")
    run.wait_for_text("fake ray runs")
    assert run.stop() == 0
    assert "Out:" not in run.output
    assert world.processes() == []


def test_a_bad_end_is_an_exception_with_the_sentence_last(world: World):
    run = start(world, "head", FAKE_RAY="exit:7")
    assert run.wait() == 98
    assert run.last_line.endswith("LauncherError: c-head: Ray ended with exit code 7; its last words: fake ray runs")


def test_a_missing_venv_is_an_exception_and_never_an_exit(world: World):
    run = start(world, "worker", RAYTUI_VENV="/nowhere")
    assert run.wait() == 98
    assert "LauncherError: no virtual environment at /nowhere" in run.last_line


def test_a_worker_joins_from_a_kernel_too(world: World):
    run = start(world, "worker", RAY_HEAD_ADDRESS="127.0.0.1:1", CDSW_ENGINE_ID="e1", CDSW_IP_ADDRESS="127.0.1.9")
    (call,) = run.wait_for_calls(1)
    assert call["argv"][:4] == ["start", "--address", "127.0.0.1:1", "--block"]
    assert "--node-ip-address 127.0.1.9" in " ".join(call["argv"])
    assert run.stop() == 0


@pytest.mark.parametrize("role", ["head", "worker"])
def test_a_signal_to_the_kernel_s_group_lets_ray_drain(world: World, role: str):
    run = start(world, role, RAY_HEAD_ADDRESS="127.0.0.1:1", RAYTUI_SHARED_DIR=world.shared)
    run.wait_for_text("fake ray runs")
    os.killpg(run.process.pid, signal.SIGTERM)
    assert run.wait() == 0
    assert run.node["exit_code"] == 1
