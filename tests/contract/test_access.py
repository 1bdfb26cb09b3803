"""Keys, logins, certificates and addresses: who is refused learns by whom, for what, and what to do; and no secret is ever shown."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from raytui.core.errors import NotAllowed, NotFound, RaytuiError, Unreachable
from raytui.platforms.cai import CaiPlatform
from raytui.platforms.cai.api.transport import ClientName

from .conftest import HEAD, ROOT, TIMING, Bench, foreign, open_platform, request_for, spec


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("key_invalid", "refused the API key from CML_API_KEY"),
        ("wrong_audience", "the API key from CML_API_KEY may not list the applications"),
    ],
)
async def test_a_refused_key_is_named_with_its_source(
    platform: CaiPlatform, bench: Bench, fault: str, words: str
) -> None:
    bench.faults(**{fault: 1})
    with pytest.raises(NotAllowed, match=words) as caught:
        await platform.list()
    assert "audience API" in caught.value.hint
    assert bench.api_key not in str(caught.value)


async def test_a_key_that_may_only_read_lists_but_makes_nothing(
    platform: CaiPlatform, bench: Bench, project: str
) -> None:
    bench.faults(read_only=1)
    assert await platform.list() == ()
    with pytest.raises(NotAllowed, match=f"may not create the application {HEAD}"):
        await platform.create(request_for(HEAD))
    assert bench.applications(project) == []


async def test_a_key_for_applications_only_is_refused(bench: Bench, project: str, client: ClientName) -> None:
    platform = open_platform(
        bench, project, client, key=bench.api_key + "-application", key_source="api_key_file ~/prod.key"
    )
    with pytest.raises(NotAllowed, match=r"api_key_file ~/prod\.key"):
        await platform.list()
    await platform.close()


async def test_a_project_that_does_not_exist_is_not_found(bench: Bench, client: ClientName) -> None:
    platform = open_platform(bench, "aaaa-bbbb-cccc-dddd", client)
    with pytest.raises(NotFound, match="project aaaa-bbbb-cccc-dddd"):
        await platform.list()
    await platform.close()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("host", "reason"),
    [("http://127.0.0.1:{port}", "ConnectionRefused"), ("https://no-such-host.invalid", "NameNotFound")],
)
async def test_what_cannot_be_reached_is_said_without_waiting(client: ClientName, host: str, reason: str) -> None:
    url = host.format(port=closed_port())
    platform = CaiPlatform(host=url, project_id="p", api_key=lambda: "some-secret-key", client=client, timing=TIMING)
    async with asyncio.timeout(10):
        with pytest.raises(Unreachable) as caught:
            await platform.list()
    assert (caught.value.reason, caught.value.failure.layer) == (reason, "platform")
    assert "some-secret-key" not in str(caught.value)
    await platform.close()


async def test_a_web_page_in_place_of_the_api_is_recognised(client: ClientName) -> None:
    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b"<html><title>Welcome to nginx</title></html>"
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
            % (len(body), body)
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(page, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    platform = CaiPlatform(
        host=f"http://127.0.0.1:{port}", project_id="p", api_key=lambda: "k", client=client, timing=TIMING
    )
    with pytest.raises(Unreachable, match=r"not API v2 \(Welcome to nginx\)"):
        await platform.list()
    await platform.close()
    server.close()
    await server.wait_closed()


async def test_a_redirect_is_never_followed_and_the_key_goes_nowhere_else(client: ClientName) -> None:
    followed = []

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        followed.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    other = await asyncio.start_server(elsewhere, "127.0.0.1", 0)
    target = other.sockets[0].getsockname()[1]

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:{target}/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(redirect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    platform = CaiPlatform(
        host=f"http://127.0.0.1:{port}", project_id="p", api_key=lambda: "k", client=client, timing=TIMING
    )
    with pytest.raises(Unreachable, match="points elsewhere"):
        await platform.list()
    await platform.close()
    for one in (server, other):
        one.close()
        await one.wait_closed()
    assert followed == []


async def test_secrets_of_the_project_and_the_key_are_in_nothing_that_is_answered(
    platform: CaiPlatform,
    bench: Bench,
    project: str,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG", "raytui")
    secret = "clear-text-secret-of-a-person"
    bench.ask(
        "PATCH",
        f"/api/v2/projects/{project}",
        {"environment": json.dumps({"DB_PASSWORD": secret, "RAY_AUTH_TOKEN": secret})},
    )
    made = await platform.create(request_for(HEAD))
    foreign(bench, project, "theirs")
    shown = repr(
        (made, await platform.list(), await platform.specs.preflight(spec()), await platform.lifecycle.records())
    )
    for fault in ("key_invalid", "expired_login", "read_only"):
        bench.faults(**{fault: 1})
        with pytest.raises(RaytuiError) as caught:
            await platform.create(request_for("c-worker-1"))
        shown += f"{caught.value!r} {caught.value.hint}"
        bench.reset()
    output = capfd.readouterr()
    for text in (shown, output.out, output.err, caplog.text):
        assert secret not in text
        assert bench.api_key not in text


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that no machine trusts by itself."""
    folder = tmp_path_factory.mktemp("tls")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        "key.pem",
        "-out",
        "cert.pem",
    ]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def secured(authority: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What a workbench over https says when it is ready."""
    root = tmp_path_factory.mktemp("secured")
    command = [sys.executable, "-m", "tests.fakes.workbench", "--root", str(root), "--stub"]
    command += ["--tls-cert", str(authority / "cert.pem"), "--tls-key", str(authority / "key.pem")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()
        process.wait(20)


def over_https(secured: dict[str, str], client: ClientName, ca_bundle: str = "") -> CaiPlatform:
    key = secured["api_key"]
    return CaiPlatform(
        host=secured["url"], project_id=secured["project_id"], api_key=lambda: key, client=client, ca_bundle=ca_bundle
    )


async def test_a_certificate_of_a_private_authority_is_not_trusted_by_itself(
    secured: dict[str, str], client: ClientName, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    platform = over_https(secured, client)
    with pytest.raises(Unreachable) as caught:
        await platform.list()
    assert caught.value.reason == "CertificateNotTrusted"
    assert "ca_bundle" in caught.value.hint
    await platform.close()


@pytest.mark.parametrize("variable", ["", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
async def test_a_private_authority_is_trusted_when_its_certificates_are_given(
    secured: dict[str, str], authority: Path, client: ClientName, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    certificates = str(authority / "cert.pem")
    if variable:
        monkeypatch.setenv(variable, certificates)
    platform = over_https(secured, client, "" if variable else certificates)
    assert await platform.list() == ()
    await platform.files.write("x", b"1")
    assert await platform.store.read_file("x") == b"1"
    await platform.close()
