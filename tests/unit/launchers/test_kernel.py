"""The launchers as a notebook kernel executes them: their text alone, so that the folder they run must be found by other means."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.unit.launchers.world import Run, World

KERNEL = Path(__file__).with_name("kernel.py")


def start(world: World, role: str, **more: object) -> Run:
    named = {"RAYTUI_NODE_DIR": world.folder / "scripts/raytui_node"}
    return world.start(role, interpreter=(str(KERNEL),), **{**named, **more})


def test_a_requested_end_falls_off_the_end(world: World):
    run = start(world, "head")
    run.wait_for_text("fake ray runs")
    assert run.stop() == 0
    assert "Out:" not in run.output
    assert world.processes() == []


def test_a_bad_end_is_an_exception_with_the_sentence_last(world: World):
    run = start(world, "head", FAKE_RAY="exit:7")
    assert run.wait() == 98
    assert run.last_line.endswith("RuntimeError: c-head: Ray ended with exit code 7; its last words: fake ray runs")


def test_a_missing_venv_is_an_exception_and_never_an_exit(world: World):
    run = start(world, "worker", RAYTUI_VENV="/nowhere")
    assert run.wait() == 98
    assert "RuntimeError: no virtual environment at /nowhere" in run.last_line


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


@pytest.mark.parametrize("place", ["raytui_node", ".raytui/c/launchers/raytui_node", "shared/launchers/raytui_node"])
def test_what_no_variable_names_is_looked_for_below_the_working_directory(world: World, place: str):
    shutil.copytree(world.folder / "scripts/raytui_node", world.folder / place)
    shared = world.shared if place.startswith("shared") else None
    run = start(world, "head", RAYTUI_NODE_DIR=None, RAYTUI_SHARED_DIR=shared, FAKE_RAY="exit:7")
    assert run.wait() == 98
    assert "Ray ended with exit code 7" in run.last_line


def test_a_named_folder_that_is_not_there_is_no_reason_to_fail(world: World):
    shutil.copytree(world.folder / "scripts/raytui_node", world.folder / "raytui_node")
    assert start(world, "head", RAYTUI_NODE_DIR="gone/raytui_node", FAKE_RAY="exit:0").wait() == 0


def test_a_node_program_that_is_nowhere_is_one_sentence_with_the_places(world: World):
    run = start(world, "head", RAYTUI_NODE_DIR="elsewhere")
    assert run.wait() == 98
    places = ", ".join(
        f"{world.folder}/{place}" for place in ("elsewhere", "raytui_node", ".raytui/c/launchers/raytui_node")
    )
    assert (
        run.last_line
        == f"RuntimeError: no node program at {places}; `raytui render --to DIR` writes all that is needed"
    )


def test_what_the_node_prints_is_printed_by_the_kernel(world: World):
    run = start(world, "head", FAKE_RAY="exit:0")
    assert run.wait() == 0
    assert "fake ray runs" in run.output
    assert "Ray ended by itself with exit code 0" in run.output


def test_ctrl_c_to_the_kernel_s_group_counts_once(world: World):
    run = start(world, "head", FAKE_RAY="deaf", RAYTUI_STOP_GRACE_S="0.5")
    run.wait_for_text("fake ray runs")
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.wait() == 98
    assert "did not end within 0.5 s of SIGTERM and was killed" in run.last_line
    assert world.processes() == []
