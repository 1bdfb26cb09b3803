"""The network of a workbench and the doors into it."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.workbench import network
from tests.fakes.workbench.certificates import Certificates

from .conftest import SERVING, Api, connected, reaches, until
from .test_workloads import running

LISTENING = (
    SERVING
    + """
import socket
everywhere = socket.create_server(("", 6379))
def answer():
    while True:
        connection, peer = everywhere.accept()
        connection.sendall(f"{os.environ['CDSW_IP_ADDRESS']} {peer[0]}".encode())
        connection.close()
threading.Thread(target=answer, daemon=True).start()
threading.Event().wait()
"""
)
ASKING = """
import os, socket
def ask(address):
    try:
        with socket.create_connection((address, 6379), 2) as connection:
            return connection.recv(100).decode()
    except OSError as error:
        return type(error).__name__
print("|".join(map(ask, os.environ["OTHERS"].split())), os.environ["CDSW_IP_ADDRESS"])
"""
CALLING = """
import json, os, ssl, urllib.request
def call(base):
    request = urllib.request.Request(base + "/api/v2/projects", headers={"authorization": "Bearer " + os.environ["CDSW_APIV2_KEY"]})
    return json.load(urllib.request.urlopen(request, timeout=10))["projects"][0]["name"]
print(call("https://" + os.environ["CDSW_DOMAIN"]), call(os.environ["CDSW_API_URL"].replace("/api/v1", "")))
"""


async def said(api: Api, text: str, **environment: str) -> str:
    """What a job prints that must succeed."""
    job = await api.job(f"job{len(api.bench.jobs)}.py", text)
    run = await api.run(job, environment=environment)
    status = await reaches(lambda: api.run_status(job, run), "ENGINE_SUCCEEDED", "ENGINE_FAILED")
    log = api.log(api.bench.jobs[job].runs[0].engine_id)
    assert status == "ENGINE_SUCCEEDED", log
    return log.strip()


def network_of(pid: int | str) -> str:
    """The network namespace of a process."""
    return str(Path(f"/proc/{pid}/ns/net").readlink())


async def test_workloads_use_the_same_port_and_reach_each_other(real: Api) -> None:
    await running(real, LISTENING, name="one")
    if not real.bench.network.own:
        assert real.row("one")["address"].startswith("127.0.1.")
        return
    await running(real, LISTENING, name="two")
    addresses = [real.row(name)["address"] for name in ("one", "two")]
    heard, _, mine = (await said(real, ASKING, OTHERS=" ".join(addresses))).rpartition(" ")
    assert heard == "|".join(f"{address} {mine}" for address in addresses)


async def test_two_workbenches_and_the_machine_do_not_meet(real: Api, tmp_path_factory: pytest.TempPathFactory) -> None:
    await running(real, LISTENING)
    if not real.bench.network.own:
        return
    async with connected(tmp_path_factory.mktemp("other"), stub=False, stop_grace=3.0) as other:
        await running(other, LISTENING, name="two")
        address = real.row("one")["address"]
        assert other.row("two")["address"] == address
        for api in (real, other):
            assert (await said(api, ASKING, OTHERS=address)).startswith(f"{address} ")
            pids = [row["pids"][0] for row in api.bench.truth()["applications"]]
            assert network_of("self") not in [network_of(pid) for pid in pids]


async def test_a_place_that_is_given_back_leaves_nothing_open(real: Api) -> None:
    def opened() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = opened()
    for _ in range(3):
        await said(real, "print('done')")
    await until(lambda: opened() <= before + 3, "the namespaces to be closed")


@pytest.mark.parametrize("own", [True, False])
async def test_the_api_answers_http_and_https_inside_a_workload(tmp_path: Path, own: bool) -> None:
    async with connected(tmp_path, stub=False, own_network=own) as api:
        assert await said(api, CALLING) == "workbench workbench"
        bundle = tmp_path / "tls" / "ca-bundle.pem"
        trusting = ssl.create_default_context(cafile=str(bundle))
        async with httpx.AsyncClient(verify=trusting, trust_env=False) as http:
            assert (await http.get(f"https://{api.bench.domain}/_test/state")).status_code == 200
        assert api.bench.network.own in (own, False)


async def test_a_client_that_says_nothing_keeps_nobody_waiting(api: Api) -> None:
    silent = [await asyncio.open_connection("127.0.0.1", api.bench.port) for _ in range(3)]
    assert (await api.call("GET", "applications")).status_code == 200
    for _, writer in silent:
        writer.close()


async def test_a_machine_that_permits_no_networks_is_told_once(
    real: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(network, "_call", refused)
    for _ in range(2):
        line = await said(real, "import os\nprint(os.environ['CDSW_IP_ADDRESS'])")
        assert line.startswith("127.0.1.")
    assert capsys.readouterr().err.count("a network of their own is not permitted") == 1


async def test_a_proxy_leads_out_of_a_workload_s_network(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    async with connected(tmp_path_factory.mktemp("there")) as there, connected(tmp_path, stub=False) as api:
        text = f"""
import http.client, os
from urllib.parse import urlsplit
way = urlsplit(os.environ.get("https_proxy", "//127.0.0.1:{there.bench.port}"))
connection = http.client.HTTPConnection(way.hostname, way.port, timeout=10)
if "https_proxy" in os.environ:
    connection.set_tunnel("127.0.0.1", {there.bench.port})
connection.request("GET", "/_test/state")
print(connection.getresponse().status)
"""
        assert await said(api, text) == "200"


async def test_workloads_trust_the_certificate_that_the_workbench_was_given(tmp_path: Path) -> None:
    given = tmp_path / "given.pem"
    given.write_text("a certificate of somebody")
    reported = await Certificates(tmp_path / "root", given).variables()
    assert set(reported) == {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
    assert (tmp_path / "root" / "tls" / "ca-bundle.pem").read_text().endswith("a certificate of somebody")
    assert reported["SSL_CERT_FILE"] == str(tmp_path / "root" / "tls" / "ca-bundle.pem")
