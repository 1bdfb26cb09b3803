"""The address of a dashboard: its slips, and what it does to the choice of a profile."""

from __future__ import annotations

import pytest

from raytui.config.address import normal_address
from raytui.config.settings import missing_access
from tests.unit.config.test_settings import problems, settings

URL = "http://10.0.0.5:8265"
PROFILES = """default_profile = "prod"
[profiles.prod]
platform = "cai"
host = "ml.example.com"
[profiles.kuberay]
platform = "attached"
address = "http://kube:8265/"
[profiles.kuberay.cluster]
name = "team-a"
"""


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("http://HOST:8265", "http://host:8265"),
        (" https://ray.example.com/ ", "https://ray.example.com"),
        ("http://[::1]:8265", "http://[::1]:8265"),
    ],
)
def test_an_address_is_a_scheme_a_host_and_a_port(given, normal):
    assert normal_address(given) == normal


@pytest.mark.parametrize(
    ("given", "reported"),
    [
        ("localhost:8265", "http://"),
        ("10.0.0.5", "http://"),
        ("ftp://h:1", "http://"),
        ("ray://h:10001", "client"),
        ("http://h:99999", "range"),
        ("http://h:-1", "address"),
        ("http://h:0", "port 0"),
        ("http://h:port", "address"),
        ("http://h:8265/ray", "goes on"),
        ("http://h:8265?x=1", "goes on"),
        ("http://h:8265#top", "goes on"),
        ("http://", "no host"),
        ("http://h :8265", "blank"),
        ("http://h\x1b[31m:8265", "control"),
        ("http://[::1", "address"),
    ],
)
def test_each_slip_is_one_sentence(given, reported):
    with pytest.raises(ValueError, match=reported) as caught:
        normal_address(given)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("given", ["http://me:s3cret@h:8265", "me:s3cret@h:8265", "http://s3cret@h/x"])
def test_a_password_in_an_address_is_refused_and_never_repeated(tmp_path, given):
    (reported,) = problems(tmp_path, flags={"address": given}).values()
    assert "user name or password" in reported
    assert "s3cret" not in reported


def test_an_address_attaches_whatever_else_is_configured(tmp_path):
    found = settings(tmp_path, PROFILES, {"address": URL}, CML_HOST="https://ml.example.com")
    assert (found.platform, found.address, found.profile_name, found.cluster.name) == (
        "attached",
        URL,
        "attached",
        "10.0.0.5:8265",
    )
    assert found.read_only
    found = settings(tmp_path, PROFILES, RAYTUI_ADDRESS=URL)
    assert (found.platform, found.address) == ("attached", URL)


def test_a_named_profile_is_stronger_than_the_variable_and_weaker_than_the_flag(tmp_path):
    assert settings(tmp_path, PROFILES, {"profile": "prod"}, RAYTUI_ADDRESS=URL).platform == "cai"
    assert settings(tmp_path, PROFILES, {"profile": "prod", "address": URL}).address == URL


def test_an_attached_profile_has_its_address_and_its_name(tmp_path):
    found = settings(tmp_path, PROFILES, {"profile": "kuberay"})
    assert (found.platform, found.address, found.cluster.name) == ("attached", "http://kube:8265", "team-a")


def test_an_address_that_is_missing_or_empty_is_asked_for_and_nothing_else_is_looked_at(tmp_path):
    found = settings(tmp_path, '[profiles.local]\nplatform = "attached"\n')
    assert [problem.field for problem in missing_access(found)] == ["address"]
    found = settings(tmp_path, flags={"address": ""})
    assert [problem.field for problem in missing_access(found)] == ["address"]


def test_an_address_in_the_profile_of_another_platform_is_a_slip(tmp_path):
    text = '[profiles.local]\nplatform = "local"\naddress = "http://h:1"\n'
    assert list(problems(tmp_path, text)) == ["profiles.local.address"]
    text = '[profiles.local]\naddress = "http://h:1"\n'
    assert 'platform = "attached"' in problems(tmp_path, text)["profiles.local.platform"]
