"""Applications and jobs that really run: the kernel's ways, the processes, the addresses, the ends."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest

from .conftest import BLOCKING, SERVING, Api, reaches, until

LOOK = """
from __future__ import annotations
import asyncio, json, os, sys
async def answer(): return 42
seen = {"file": "__file__" in globals(), "name": __name__, "argv": sys.argv[0].rpartition("/")[2], "loop": asyncio.get_running_loop().is_running()}
seen["await"] = await answer()
def annotated(value: NotDefinedAnywhere): ...
seen |= {"cwd": os.getcwd(), "environment": dict(os.environ), "tmp": os.environ.get("TMPDIR", "/tmp"), "pid": os.getpid()}
open(seen["tmp"] + "/private", "w").write("x")
json.dump(seen, open("seen.json", "w"))
"""


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def read(path: Path) -> str | None:
    """A file's text, None when there is no such file."""
    return path.read_text() if path.exists() else None


async def looked(real: Api) -> dict[str, object]:
    """What the script saw."""
    path = real.bench.first_project.folder / "seen.json"
    await until(lambda: path.is_file() and path.read_text().endswith("}"), "the script to look around")
    seen: dict[str, object] = json.loads(path.read_text())
    return seen


async def running(real: Api, text: str, name: str = "one", **fields: object) -> str:
    """The id of an application that runs this script."""
    await real.upload(f"{name}.py", text)
    identity = await real.created(name, script=f"{name}.py", **fields)
    await reaches(lambda: real.status(identity), "APPLICATION_RUNNING")
    return identity


async def test_a_script_sees_what_a_kernel_shows(real: Api) -> None:
    await running(real, LOOK + BLOCKING, environment={"MINE": "1", "CDSW_ENGINE_ID": "forged"})
    seen = await looked(real)
    project, row = real.bench.first_project, real.row("one")
    assert (seen["file"], seen["name"], seen["argv"], seen["loop"], seen["await"]) == (
        False,
        "__main__",
        "ipykernel_launcher.py",
        True,
        42,
    )
    environment = seen["environment"]
    assert isinstance(environment, dict)
    assert (
        seen["cwd"] == environment["HOME"] == ("/home/cdsw" if real.bench.lifecycle.namespaces else str(project.folder))
    )
    expected = {
        "MINE": "1", "PROJECT_SECRET": project.environment["PROJECT_SECRET"], "CDSW_ENGINE_ID": row["engine_id"], "CDSW_IP_ADDRESS": row["address"],
        "CDSW_PROJECT_ID": project.id, "CDSW_DOMAIN": real.bench.domain, "CDSW_API_URL": f"{real.bench.url}/api/v1", "CDSW_CPU_MILLICORES": "1000",
        "CDSW_PROJECT_URL": f"{real.bench.url}/api/v1/projects/engineer/workbench", "CDSW_MEMORY_MB": "2000", "TERM": "xterm", "PIP_USER": "1",
    }  # fmt: skip
    assert {name: environment[name] for name in expected} == expected
    assert re.fullmatch(r"10\.77\.\d+\.\d+" if real.bench.network.own else r"127\.0\.1\.\d+", row["address"])
    assert {"CDSW_APP_PORT", "CDSW_READONLY_PORT"} <= set(environment)
    real.http.headers["authorization"] = f"Bearer {environment['CDSW_APIV2_KEY']}"
    assert environment["CDSW_APIV2_KEY"] != real.bench.api_key
    assert await real.names() == ["one"]


async def test_the_private_tmp_is_seen_by_nobody_else_and_goes_with_the_engine(real: Api) -> None:
    identity = await running(real, LOOK + BLOCKING)
    seen = await looked(real)
    private = Path(str(seen["tmp"]), "private")
    own_tmp = Path(f"/proc/{seen['pid']}/root{private}")
    assert read(own_tmp) == "x"
    assert real.bench.lifecycle.namespaces == (read(private) is None)
    await real.call("POST", f"applications/{identity}:stop")
    await reaches(lambda: real.status(identity), "APPLICATION_STOPPED")
    assert (read(private), read(own_tmp)) == (None, None)


async def test_the_truth_lists_living_processes_and_a_stop_leaves_none(real: Api) -> None:
    identity = await running(real, BLOCKING)
    pids = real.row("one")["pids"]
    assert len(pids) == 2
    assert all(alive(pid) for pid in pids)
    await real.call("DELETE", f"applications/{identity}")
    await until(lambda: not real.bench.applications, "the application to be gone")
    assert not any(alive(pid) for pid in pids)


@pytest.mark.parametrize(("only", "marker"), [(0, True), (1, False)])
async def test_a_stop_is_sigterm_and_then_sigkill(real: Api, only: int, marker: bool) -> None:
    real.bench.faults.update({"stop_grace": 0.3, "sigkill_only": only})
    deaf = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: open('sigterm', 'w').close())\nsignal.pause()\nsignal.pause()\n"
    identity = await running(real, SERVING + deaf)
    pids = real.row("one")["pids"]
    await real.call("POST", f"applications/{identity}:stop")
    await reaches(lambda: real.status(identity), "APPLICATION_STOPPED")
    assert (real.bench.first_project.folder / "sigterm").exists() == marker
    assert not any(alive(pid) for pid in pids)


async def test_a_failed_application_comes_back_with_a_new_address(real: Api) -> None:
    real.bench.faults.update({"restart_interval": 0.3})
    identity = await running(real, BLOCKING)
    before = real.row("one")
    os.kill(before["pids"][1], signal.SIGKILL)
    await reaches(lambda: real.status(identity), "APPLICATION_FAILED")
    await reaches(lambda: real.status(identity), "APPLICATION_RUNNING")
    after = real.row("one")
    assert (after["address"] != before["address"], after["engine_id"] != before["engine_id"]) == (True, True)
    assert "the child ended" in real.log(before["engine_id"])


async def test_the_platform_restarts_three_times(real: Api) -> None:
    real.bench.faults.update({"restart_interval": 0.05})
    await real.upload("one.py", "open('starts', 'a').write('x')\nraise RuntimeError\n")
    await real.created("one", script="one.py")
    starts = real.bench.first_project.folder / "starts"
    await until(
        lambda: starts.exists() and len(starts.read_text()) == 4 and real.row("one")["status"] == "APPLICATION_FAILED",
        "four failed starts",
    )
    usage = (await real.get("/api/v2/usage"))["usage_response"]
    assert [row["k8s_info"]["k8s_exit_code"] for row in usage] == [1] * 4


async def test_no_automatic_restart(real: Api) -> None:
    real.bench.faults.update({"restart_interval": 0, "auto_restart": 0})
    await real.upload("one.py", "raise RuntimeError\n")
    identity = await real.created("one", script="one.py")
    await reaches(lambda: real.status(identity), "APPLICATION_FAILED")
    engine = real.row("one")["engine_id"]
    await real.call("POST", f"applications/{identity}:stop")
    assert (await real.status(identity), real.row("one")["engine_id"]) == ("APPLICATION_STOPPED", engine)


@pytest.mark.parametrize(("end", "status"), [("stopped", "APPLICATION_STOPPED"), ("failed", "APPLICATION_FAILED")])
async def test_a_script_that_returns(real: Api, end: str, status: str) -> None:
    real.bench.faults.update({"end_status": end})
    identity = await running(real, SERVING + "import time\nwhile not os.path.exists('go'): time.sleep(0.02)\n")
    (real.bench.first_project.folder / "go").touch()
    assert await reaches(lambda: real.status(identity), "APPLICATION_STOPPED", "APPLICATION_FAILED") == status


async def test_running_only_after_a_plain_200(real: Api) -> None:
    real.bench.faults.update({"start_timeout": 1, "auto_restart": 0})
    redirecting = SERVING.replace("send_response(200)", "send_response(200 if self.path == '/ready' else 302)")
    await real.upload("one.py", redirecting + "threading.Event().wait()\n")
    never = await real.created("one", script="one.py")
    ready = await real.created("two", script="one.py", environment={"CDSW_APP_POLLING_ENDPOINT": "/ready"})
    await reaches(lambda: real.status(ready), "APPLICATION_RUNNING")
    await reaches(lambda: real.status(never), "APPLICATION_FAILED")
    assert "running_at" not in await real.get(f"applications/{never}")


async def test_a_missing_script_is_refused_or_fails(real: Api) -> None:
    assert (await real.create("one", script="no.py")).status_code == 400
    real.bench.faults.update({"missing_script": "fail"})
    identity = await real.created("one", script="no.py")
    await reaches(lambda: real.status(identity), "APPLICATION_FAILED")


async def test_an_orphan_engine_lives_on(real: Api) -> None:
    real.bench.faults.update({"orphan_on_restart": 1})
    await real.upload("one.py", "import signal, pathlib\npathlib.Path('up').touch()\nsignal.pause()\n")
    identity = await real.created("one", script="one.py")
    await until((real.bench.first_project.folder / "up").exists, "the script")
    await real.call("POST", f"applications/{identity}:restart")
    await until(lambda: len(real.bench.truth()["applications"]) == 2, "the orphan")
    await real.call("DELETE", f"applications/{identity}")
    await until(lambda: not real.bench.applications, "the application to be gone")
    orphan = real.row("one")
    assert (orphan["status"], [alive(pid) for pid in orphan["pids"]]) == ("ORPHAN", [True])


async def test_the_ingress_passes_requests_on(real: Api) -> None:
    await running(real, BLOCKING)
    host = {"host": f"one.{real.bench.domain}", "x-ray-authorization": "Bearer ray"}
    page = await real.call("GET", "/any?x=1", headers=host)
    assert (page.status_code, "'x-ray-authorization': 'Bearer ray'" in page.text, real.bench.api_key in page.text) == (
        200,
        True,
        False,
    )
    real.bench.faults.update({"authorization_passes": 1})
    assert real.bench.api_key in (await real.call("GET", "/", headers=host)).text
    os.kill(real.row("one")["pids"][0], signal.SIGKILL)
    await until(lambda: real.row("one")["status"] == "APPLICATION_FAILED", "the application to fail")
    assert (await real.call("GET", "/", headers=host)).status_code == 502


EXPOSING = """
import http.server, os, threading
from page import StatusPage
class Dashboard(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        # As Ray 2.60: Authorization wins over X-Ray-Authorization.
        login = self.headers["Authorization"] or self.headers["X-Ray-Authorization"] or ""
        body = (login + "|" + str(self.headers["X-Ray-Authorization"])).encode()
        self.send_response(200 if login == "Bearer ray" or self.path == "/" else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
dashboard = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Dashboard)
threading.Thread(target=dashboard.serve_forever, daemon=True).start()
page = StatusPage(int(os.environ["CDSW_APP_PORT"]), dict, lambda: "127.0.0.1:%d" % dashboard.server_port)
threading.Event().wait()
"""


@pytest.mark.parametrize("authorization_passes", [0, 1])
async def test_an_exposed_dashboard_gets_ray_s_token_whether_the_ingress_hands_the_key_on_or_not(
    real: Api, authorization_passes: int
) -> None:
    real.bench.faults.update({"authorization_passes": authorization_passes})
    await real.upload("page.py", (Path(__file__).parents[3] / "launchers" / "raytui_node" / "page.py").read_text())
    await running(real, "import sys\nsys.path.insert(0, '.')\n" + EXPOSING)
    host = {"host": f"one.{real.bench.domain}"}
    answer = await real.call("GET", "/api/version", headers=host | {"x-ray-authorization": "Bearer ray"})
    assert (answer.status_code, answer.text) == (200, "Bearer ray|None")
    assert (await real.call("GET", "/api/version", headers=host)).text == "|None"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (
            "print(os_environ := __import__('os').environ['JOB_ARGUMENTS'], __import__('os').environ['EXTRA'])",
            "ENGINE_SUCCEEDED",
        ),
        ("import sys\nsys.exit(0)", "ENGINE_FAILED"),
        ("1 / 0", "ENGINE_FAILED"),
        ("def broken(:", "ENGINE_FAILED"),
        ("import asyncio\nasyncio.run(asyncio.sleep(0))", "ENGINE_FAILED"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
async def test_a_job_run_succeeds_by_falling_off_the_end(real: Api, text: str, status: str) -> None:
    job = await real.job("job.py", text)
    run = await real.run(job, arguments="--two words", environment={"EXTRA": "more"})
    assert await reaches(lambda: real.run_status(job, run), "ENGINE_SUCCEEDED", "ENGINE_FAILED") == status
    log = real.log(next(iter(real.bench.jobs.values())).runs[0].engine_id)
    assert ("--two words more" in log) == (status == "ENGINE_SUCCEEDED")


async def test_a_run_is_stopped_or_times_out(real: Api) -> None:
    job = await real.job("job.py", "import signal\nsignal.pause()", timeout=1)
    timed, stopped = await real.run(job), await real.run(job)
    await reaches(lambda: real.run_status(job, stopped), "ENGINE_RUNNING")
    await real.call("POST", f"jobs/{job}/runs/{stopped}:stop")
    await reaches(lambda: real.run_status(job, stopped), "ENGINE_STOPPED")
    await reaches(lambda: real.run_status(job, timed), "ENGINE_TIMEDOUT")
    assert [row["pids"] for row in real.bench.truth()["job_runs"]] == [[], []]


async def test_out_of_memory_is_told_by_usage_only(real: Api) -> None:
    real.bench.faults.update({"oom": 1})
    await running(real, BLOCKING)
    os.kill(real.row("one")["pids"][0], signal.SIGKILL)
    await until(lambda: real.row("one")["status"] == "APPLICATION_FAILED", "the application to fail")
    row = (await real.get("/api/v2/usage"))["usage_response"][0]
    assert (row["oom_killed"], row["k8s_info"]["k8s_exit_code"], row["k8s_info"]["k8s_reason"]) == (
        True,
        137,
        "OOMKilled",
    )


async def test_shared_memory_is_small_unless_the_project_says_more(real: Api) -> None:
    look = "import os, pathlib\nsize = os.statvfs('/dev/shm')\npathlib.Path(os.environ['OUT']).write_text(str(size.f_blocks * size.f_frsize >> 20))\n"
    folder = real.bench.first_project.folder
    whole = os.statvfs("/dev/shm")
    job = await real.job("job.py", look)
    await real.call("PATCH", real.project, {"shared_memory_limit": 128})
    await real.run(job, environment={"OUT": "large"})
    await until((folder / "large").exists, "the larger size")
    real.bench.faults.update({"shm_mb": -1})
    await real.run(job, environment={"OUT": "whole"})
    await until((folder / "whole").exists, "the machine's size")
    machine = str(whole.f_blocks * whole.f_frsize >> 20)
    assert [(folder / name).read_text() for name in ("large", "whole")] == [
        "128" if real.bench.lifecycle.namespaces else machine,
        machine,
    ]


async def test_without_the_right_to_mount_each_engine_has_a_tmpdir(real: Api) -> None:
    real.bench.lifecycle.namespaces = False
    identity = await running(real, LOOK + BLOCKING)
    seen = await looked(real)
    environment = seen["environment"]
    assert isinstance(environment, dict)
    assert environment["RAY_TMPDIR"] == seen["tmp"] != "/tmp"
    assert len(str(seen["tmp"])) < 32
    private = Path(str(seen["tmp"]), "private")
    assert read(private) == "x"
    await real.call("POST", f"applications/{identity}:stop")
    await reaches(lambda: real.status(identity), "APPLICATION_STOPPED")
    assert read(private) is None


async def test_behind_a_sidecar_every_connect_succeeds(real: Api) -> None:
    real.bench.faults.update({"sidecar": 1})
    connect = "import os, socket, subprocess, sys\nother = os.environ['CDSW_IP_ADDRESS'].rpartition('.')[0] + '.250'\n"
    connect += "socket.create_connection((other, 6379), 5).close()\n"
    child = "code = f'import socket; socket.create_connection((\"{other}\", 6379), 5)'\nsubprocess.run(['python3', '-c', code], check=True)\n"
    ready = "import urllib.request\nassert urllib.request.urlopen('http://127.0.0.1:15021/healthz/ready', timeout=5).status == 200\n"
    job = await real.job("job.py", connect + child + ready)
    run = await real.run(job)
    status = await reaches(lambda: real.run_status(job, run), "ENGINE_SUCCEEDED", "ENGINE_FAILED")
    assert status == "ENGINE_SUCCEEDED", real.log(next(iter(real.bench.jobs.values())).runs[0].engine_id)


async def test_behind_a_sidecar_a_joined_raylet_is_dropped(real: Api) -> None:
    real.bench.faults.update({"sidecar": 1, "sidecar_drop": 0.3})
    raylets = """
import subprocess, sys
addresses = {"own": os.environ["CDSW_IP_ADDRESS"], "joined": "127.0.1.1"}
raylets = {
    name: subprocess.Popen(["raylet", "-c", "import time; time.sleep(600)", f"--gcs-address={address}:6379"], executable=sys.executable)
    for name, address in addresses.items()
}
open("code", "w").write(f"{raylets['joined'].wait()} {raylets['own'].poll()}")
threading.Event().wait()
"""
    await running(real, SERVING + raylets)
    code = real.bench.first_project.folder / "code"
    await until(lambda: code.exists() and code.read_text(), "the joined raylet to be dropped")
    assert code.read_text() == "-9 None"
