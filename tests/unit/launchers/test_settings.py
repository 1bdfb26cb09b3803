from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import raytui_node.settings
from raytui_node.settings import (
    LauncherError,
    check_ray,
    installed_versions,
    ray_arguments,
    ray_environment,
    read_settings,
    read_token,
    versions_differ,
)

GB = 10**9
SIZES = {
    "RAYTUI_NUM_CPUS": "4",
    "RAYTUI_NUM_GPUS": "1",
    "RAYTUI_MEMORY_BYTES": str(16 * GB),
    "RAYTUI_OBJECT_STORE_BYTES": str(2 * GB),
}
RESOURCES = ["--num-cpus", "4", "--num-gpus", "1", "--memory", str(16 * GB), "--object-store-memory", str(2 * GB)]


def test_by_hand_everything_has_a_default(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/home/cdsw")
    settings = read_settings("worker", {})
    assert (settings.venv, settings.cluster, settings.application) == (
        "/home/cdsw/.venv",
        "ray-cluster",
        "ray-cluster-worker",
    )
    assert (settings.ray_port, settings.dashboard_port) == (6379, 8265)
    assert (settings.head_timeout, settings.stable_window, settings.stop_grace, settings.rejoin) == (900, 10, 35, True)
    assert (settings.shared_dir, settings.auth_mode, settings.in_cai, settings.app_port) == ("", "", False, None)
    assert settings.cpus == len(os.sched_getaffinity(0))


def test_the_head_s_arguments_begin_as_the_contract_says():
    argv = ray_arguments(read_settings("head", SIZES | {"RAYTUI_VENV": "/v"}), "")
    assert argv[:8] == ["/v/bin/ray", "start", "--head", "--port", "6379", "--dashboard-port", "8265", "--block"]
    assert argv[8:16] == ["--num-cpus", "4", "--num-gpus", "0", *RESOURCES[4:]]
    assert argv[16:] == ["--node-name", "ray-cluster-head", "--log-color", "false"]


def test_the_worker_s_arguments_begin_as_the_contract_says():
    argv = ray_arguments(read_settings("worker", SIZES | {"RAYTUI_VENV": "/v"}), "10.0.0.5:6379")
    assert argv[:5] == ["/v/bin/ray", "start", "--address", "10.0.0.5:6379", "--block"]
    assert argv[5:13] == RESOURCES


def test_a_worker_s_node_carries_its_group_as_a_label_and_a_head_none():
    for group, env in (("worker", {}), ("cpu", {"RAYTUI_GROUP": "cpu"})):
        settings = read_settings("worker", SIZES | env)
        assert json.loads(ray_environment(settings, env)["RAY_OVERRIDE_LABELS"]) == {"raytui/group": group}
        # A Ray that knows no labels would refuse an argument.
        assert "--labels" not in ray_arguments(settings, "h:1")
    assert "RAY_OVERRIDE_LABELS" not in ray_environment(read_settings("head", SIZES), {"RAYTUI_GROUP": "cpu"})


def test_labels_of_one_s_own_stay_beside_the_group():
    settings = read_settings("worker", SIZES | {"RAYTUI_GROUP": "cpu"})
    mine = {"RAY_OVERRIDE_LABELS": '{"zone": "a", "raytui/group": "x"}'}
    assert json.loads(ray_environment(settings, mine)["RAY_OVERRIDE_LABELS"]) == {"zone": "a", "raytui/group": "cpu"}
    damaged = {"RAY_OVERRIDE_LABELS": "{"}
    assert ray_environment(settings, damaged)["RAY_OVERRIDE_LABELS"] == "{"


def test_workers_of_two_groups_with_one_number_have_folders_of_their_own():
    folders = {
        read_settings(
            "worker",
            SIZES | {"RAYTUI_GROUP": group, "RAYTUI_APPLICATION": f"x-{group}-1", "RAYTUI_TEMP_DIR": "/tmp/r"},
        ).temp_dir
        for group in ("worker", "cpu", "gpu")
    }
    assert len(folders) == 3
    assert "/tmp/r/w1" in folders
    assert all(len(folder) <= len("/tmp/r/w1a2b3c") for folder in folders)


def test_what_was_set_becomes_an_argument_and_head_only_flags_stay_with_the_head():
    env = SIZES | {
        "RAYTUI_RAY_PORT": "26379", "RAYTUI_DASHBOARD_PORT": "28265", "RAYTUI_DASHBOARD_HOST": "0.0.0.0", "RAYTUI_CLIENT_PORT": "20001",
        "RAYTUI_AGENT_PORT": "22365", "RAYTUI_TEMP_DIR": "/tmp/r", "CDSW_IP_ADDRESS": "127.0.1.7", "RAYTUI_APPLICATION": "mine",
    }  # fmt: skip
    head, worker = (" ".join(ray_arguments(read_settings(role, env), "h:1")) for role in ("head", "worker"))
    assert "--port 26379 --dashboard-port 28265" in head
    for flag in ("--dashboard-host 0.0.0.0", "--ray-client-server-port 20001"):
        assert flag in head
        assert flag not in worker
    for flag in (
        "--dashboard-agent-listen-port 22365",
        "--temp-dir /tmp/r",
        "--node-ip-address 127.0.1.7",
        "--node-name mine",
    ):
        assert flag in head
        assert flag in worker


@pytest.mark.parametrize(
    ("role", "env", "folder"),
    [
        ("head", {}, ""),
        ("head", {"RAYTUI_TEMP_DIR": "/tmp/r"}, "/tmp/r"),
        ("worker", {"RAYTUI_APPLICATION": "c-worker-12"}, "/tmp/ray/w12"),
        ("worker", {"RAYTUI_APPLICATION": "c-worker-12", "RAYTUI_TEMP_DIR": "/tmp/r"}, "/tmp/r/w12"),
        ("worker", {"RAYTUI_APPLICATION": "mine", "RAYTUI_TEMP_DIR": "/tmp/r"}, "/tmp/r/w3fd305"),
        ("worker", {"CDSW_ENGINE_ID": "e1"}, ""),
    ],
)
def test_workers_of_one_host_do_not_share_a_folder(role: str, env: dict[str, str], folder: str):
    assert read_settings(role, env | {"RAYTUI_NUM_GPUS": "0"}).temp_dir == folder


def test_the_platform_s_mark_is_kept_and_every_run_has_its_own():
    env = {"RAYTUI_ENGINE": "from-the-platform"}
    first, second = (read_settings("head", env) for _ in range(2))
    assert first.engine_id == second.engine_id == "from-the-platform"
    assert first.run_id != second.run_id
    assert ray_environment(first, env)["RAYTUI_RUN"] == first.run_id


def test_in_a_pod_the_platform_s_numbers_count(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(raytui_node.settings, "shm_bytes", lambda: 8 * GB)
    settings = read_settings(
        "worker",
        {"CDSW_ENGINE_ID": "e1", "CDSW_CPU_MILLICORES": "4500", "CDSW_MEMORY_MB": "16384", "RAYTUI_NUM_GPUS": "0"},
    )
    total = 16384 * 1024 * 1024
    assert (settings.cpus, settings.object_store, settings.memory) == (4, total * 30 // 100, total - total * 30 // 100)
    assert (settings.in_cai, settings.engine_id, settings.auth_mode) == (True, "e1", "disabled")
    assert settings.shared_dir == str(Path(".raytui/ray-cluster").absolute())


@pytest.mark.parametrize(("shm", "store"), [(2 * GB, 2 * GB * 95 // 100), (64 * 1024 * 1024, 78643200), (0, 30 * GB)])
def test_the_object_store_fits_the_shared_memory_but_not_below_ray_s_minimum(
    monkeypatch: pytest.MonkeyPatch, shm: int, store: int
):
    monkeypatch.setattr(raytui_node.settings, "shm_bytes", lambda: shm)
    assert read_settings("worker", {"RAYTUI_MEMORY_BYTES": str(100 * GB), "RAYTUI_NUM_GPUS": "0"}).object_store == store


def test_gpus_are_counted_and_never_given_to_the_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho 'GPU 0: A100 (UUID: x)'\necho 'GPU 1: A100 (UUID: y)'\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_settings("worker", {}).gpus == 2
    assert read_settings("head", {"RAYTUI_NUM_GPUS": "4"}).gpus == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RAYTUI_RAY_PORT", "abc"),
        ("RAYTUI_RAY_PORT", "70000"),
        ("RAYTUI_NUM_CPUS", "1.5"),
        ("RAYTUI_NUM_CPUS", "-1"),
        ("RAYTUI_MEMORY_BYTES", "1e40"),
        ("RAYTUI_HEAD_TIMEOUT_S", "nan"),
        ("CDSW_MEMORY_MB", "lots"),
        ("RAYTUI_APPLICATION", "../other"),
        ("RAYTUI_CLUSTER", "a/b"),
    ],
)
def test_nonsense_is_refused_by_the_name_of_its_variable(name: str, value: str):
    with pytest.raises(LauncherError, match=name):
        read_settings("head", {name: value})


def test_an_open_dashboard_is_not_exposed():
    with pytest.raises(LauncherError, match="RAY_AUTH_MODE=token"):
        read_settings("head", {"RAYTUI_EXPOSE_DASHBOARD": "1"})
    assert read_settings("head", {"RAYTUI_EXPOSE_DASHBOARD": "1", "RAY_AUTH_MODE": "token"}).expose_dashboard
    assert not read_settings("head", {"RAYTUI_EXPOSE_DASHBOARD": "0"}).expose_dashboard


def test_a_missing_venv_or_ray_says_how_to_get_it(tmp_path: Path):
    missing = read_settings("head", {"RAYTUI_VENV": str(tmp_path / "none")})
    with pytest.raises(LauncherError, match=f"no virtual environment at {tmp_path}/none: .*pip install.*RAYTUI_VENV"):
        check_ray(missing)
    settings = read_settings("head", {"RAYTUI_VENV": str(tmp_path)})
    with pytest.raises(LauncherError, match=f"there is no {tmp_path}/bin/ray; run .*pip install"):
        check_ray(settings)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/ray").write_text("")
    with pytest.raises(LauncherError, match="not executable"):
        check_ray(settings)
    (tmp_path / "bin/ray").chmod(0o755)
    with pytest.raises(
        LauncherError, match=f"no Python: {tmp_path}/bin/python is missing or cannot be run; make it with"
    ):
        check_ray(settings)
    (tmp_path / "bin/python").symlink_to(sys.executable)
    check_ray(settings)


def test_ray_gets_the_venv_first_on_its_path_and_an_explicit_auth_mode():
    env = {"PATH": "/usr/bin", "PYTHONHOME": "/x", "CDSW_ENGINE_ID": "e1", "RAYTUI_VENV": "/v"}
    child = ray_environment(read_settings("worker", env | {"RAYTUI_NUM_GPUS": "0"}), env)
    assert child["PATH"] == "/v/bin:/usr/bin"
    assert (child["RAY_AUTH_MODE"], child["RAYTUI_ENGINE"], child["RAYTUI_APPLICATION"]) == (
        "disabled",
        "e1",
        "ray-cluster-worker",
    )
    assert "PYTHONHOME" not in child
    assert "RAY_AUTH_MODE" not in ray_environment(read_settings("head", {}), {})


def test_the_token_is_found_where_ray_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "token"
    file.write_text("from-file\n")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    by_path = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(file), "RAYTUI_NUM_GPUS": "0"}

    def token(role: str, env: dict[str, str]) -> str:
        return read_token(read_settings(role, env), env)

    assert token("worker", by_path) == "from-file"
    assert token("worker", by_path | {"RAY_AUTH_TOKEN": "own"}) == "own"
    assert token("worker", by_path | {"RAY_AUTH_MODE": ""}) == ""
    assert token("head", by_path | {"RAY_AUTH_MODE": ""}) == "from-file"
    assert token("head", by_path | {"RAY_AUTH_MODE": "disabled"}) == ""
    assert token("worker", {"RAY_AUTH_MODE": "token", "RAYTUI_NUM_GPUS": "0"}) == ""


def test_versions_come_from_the_venv_s_files(tmp_path: Path):
    assert installed_versions(str(tmp_path)) == ("", "")
    (tmp_path / "lib/python3.11/site-packages/ray-2.60.0.dist-info").mkdir(parents=True)
    (tmp_path / "pyvenv.cfg").write_text("home = /usr\nversion_info = 3.11.7.final.0\n")
    assert installed_versions(str(tmp_path)) == ("2.60.0", "3.11.7")
    (tmp_path / "pyvenv.cfg").unlink()
    (tmp_path / "include/python3.11").mkdir(parents=True)
    (tmp_path / "include/python3.11/patchlevel.h").write_text('#define PY_VERSION "3.11.9"\n')
    assert installed_versions(str(tmp_path)) == ("2.60.0", "3.11.9")
    shutil.rmtree(tmp_path / "lib")
    assert installed_versions(str(tmp_path))[0] == ""


@pytest.mark.parametrize(
    ("head", "own", "env", "differ"),
    [
        (("2.60.0", "3.11.7"), ("2.60.0", "3.11.7"), {}, False),
        (("2.60.0", ""), ("2.59.0", ""), {}, True),
        (("2.60.0", "3.11.7"), ("2.60.0", "3.11.9"), {}, True),
        (("2.60.0", "3.11.7"), ("2.60.0", "3.11.9"), {"RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL": "minor"}, False),
        (("2.60.0", "3.11.7"), ("2.60.0", "3.12.1"), {"RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL": "minor"}, True),
        (("", ""), ("2.60.0", "3.11.7"), {}, False),
        (("2.60.0", "3.11.7"), ("", ""), {}, False),
    ],
)
def test_versions_differ_as_ray_sees_it(head: tuple[str, str], own: tuple[str, str], env: dict[str, str], differ: bool):
    assert versions_differ(head, own, env) is differ


def test_a_relative_token_path_is_made_whole_because_jobs_run_elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    child = ray_environment(read_settings("head", {}), {"RAY_AUTH_TOKEN_PATH": ".raytui/c/auth_token"})
    assert child["RAY_AUTH_TOKEN_PATH"] == str(tmp_path / ".raytui/c/auth_token")
    assert "RAY_AUTH_TOKEN_PATH" not in ray_environment(read_settings("head", {}), {})


def test_the_cluster_s_own_token_is_made_private_and_nobody_else_s_is_touched(tmp_path):
    for path, wanted in ((tmp_path / "shared" / "auth_token", 0o600), (tmp_path / "mine", 0o644)):
        path.parent.mkdir(exist_ok=True)
        path.write_text("secret-token\n")
        path.chmod(0o644)
        env = {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(path),
            "RAYTUI_SHARED_DIR": str(tmp_path / "shared"),
        }
        assert raytui_node.settings.read_token(raytui_node.settings.read_settings("worker", env), env) == "secret-token"
        assert path.stat().st_mode & 0o777 == wanted
