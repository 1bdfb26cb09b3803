"""Where the workbench is, how a call is addressed, and which transport takes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from raytui.core.errors import ConfigurationError
from raytui.core.secret import Secret
from raytui.platforms.cai.api import connect
from raytui.platforms.cai.api.connect import build
from raytui.platforms.cai.api.http import HttpTransport
from raytui.platforms.cai.api.operations import OPERATIONS, phrase
from raytui.platforms.cai.api.transport import Endpoint, normalized_host, path_of
from raytui.platforms.cai.site.addresses import site_of
from raytui.system.trust import bundle_of
from tests.unit.platforms.cai.scripted import KEY

SPECIFICATION = Path(__file__).parents[4] / "fakes/workbench/openapi.json"


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("https://ml.example.com", "https://ml.example.com"),
        ("ml.example.com", "https://ml.example.com"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        (" https://ml.example.com/user/project?x=1 ", "https://ml.example.com"),
    ],
)
def test_a_host_is_scheme_and_name(host: str, base: str) -> None:
    assert normalized_host(host) == base


@pytest.mark.parametrize(
    "host", ["", "https://", "ftp://x", "https://user:pw@ml.example.com", "http://x:notaport", "http://[::1"]
)
def test_what_is_no_address_of_a_workbench_is_a_problem_of_host(host: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        normalized_host(host)
    assert caught.value.problems[0].field == "host"


def test_ids_are_quoted_in_the_path_a_files_slash_too() -> None:
    assert (
        path_of("DownloadProjectFile", {"project_id": "p", "path": ".raytui/c/a b.py"})
        == "/api/v2/projects/p/files/.raytui%2Fc%2Fa%20b.py:download"
    )
    assert (
        path_of("StopApplication", {"project_id": "p", "application_id": "a"})
        == "/api/v2/projects/p/applications/a:stop"
    )


def test_every_operation_is_in_the_specification_with_this_method_and_path() -> None:
    paths: dict[str, Any] = json.loads(SPECIFICATION.read_text())["paths"]
    known = {
        item["operationId"]: (
            method.upper(),
            path.replace("{project.id}", "{project_id}").replace("{job.id}", "{job_id}"),
        )
        for path, methods in paths.items()
        for method, item in methods.items()
    }
    for name, operation in OPERATIONS.items():
        assert known[name] == (operation.method, operation.path), name


def test_every_operation_has_a_phrase_for_messages() -> None:
    for name in OPERATIONS:
        text = phrase(name, {"project_id": "p", "application_id": "a", "job_id": "j", "run_id": "r", "path": "x"})
        assert text
        assert "{" not in text


def test_only_creates_uploads_and_restarts_are_not_repeatable() -> None:
    once = {name for name, operation in OPERATIONS.items() if not operation.repeatable}
    assert once == {
        "CreateProject",
        "UploadFile",
        "CreateApplication",
        "RestartApplication",
        "CreateJob",
        "CreateJobRun",
    }


def test_an_endpoint_never_shows_its_key() -> None:
    endpoint = Endpoint("https://ml.example.com", Secret(KEY))
    assert KEY not in repr(endpoint)
    assert endpoint.headers()["Authorization"] == f"Bearer {KEY}"


async def test_auto_takes_http_where_the_vendors_client_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "vendor_importable", lambda: False)
    assert isinstance(build(Endpoint("https://x", Secret(KEY))), HttpTransport)


def test_the_vendors_client_by_name_says_how_to_get_it_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cmlapi", None)
    with pytest.raises(ConfigurationError, match="cmlapi") as caught:
        build(Endpoint("https://ml.example.com", Secret(KEY)), "cmlapi")
    assert "https://ml.example.com/api/v2/python.tar.gz" in caught.value.hint


@pytest.mark.parametrize(
    ("setting", "variables", "chosen"),
    [
        ("mine.pem", {"SSL_CERT_FILE": "a", "REQUESTS_CA_BUNDLE": "b"}, "mine.pem"),
        ("", {"SSL_CERT_FILE": "a", "REQUESTS_CA_BUNDLE": "b"}, "a"),
        ("", {"REQUESTS_CA_BUNDLE": "b"}, "b"),
        ("", {}, ""),
    ],
)
def test_certificates_come_from_the_setting_then_the_usual_variables(
    monkeypatch: pytest.MonkeyPatch, setting: str, variables: dict[str, str], chosen: str
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert bundle_of(setting) == chosen


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_certificates_that_cannot_be_read_are_a_problem_of_ca_bundle(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"ca\.pem") as caught:
        Endpoint("https://x", Secret(KEY), str(file)).ssl_context()
    assert caught.value.problems[0].field == "ca_bundle"


@pytest.mark.parametrize(
    ("base", "domain", "site"),
    [
        ("https://ml.example.com", "", "https://ml.example.com"),
        ("https://ml.example.com:8443", "", "https://ml.example.com:8443"),
        ("https://ml.example.com", "apps.example.com", "https://apps.example.com"),
        ("http://127.0.0.1:8080", "", "http://localhost:8080"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", "http://localhost:8080"),
        ("http://127.0.0.1", "", "http://localhost"),
    ],
)
def test_applications_answer_below_the_workbenchs_own_name(base: str, domain: str, site: str) -> None:
    assert site_of(base, domain) == site
