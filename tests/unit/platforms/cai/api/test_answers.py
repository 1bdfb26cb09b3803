"""Every kind of answer is recognised, and explained in one sentence that names the thing and what to do."""

from __future__ import annotations

import json

import pytest

from raytui.core.errors import NotAllowed, NotFound, OperationFailed, RaytuiError, Unreachable
from raytui.core.remedy import as_commands
from raytui.core.secret import Secret
from raytui.platforms.cai.api.answers import error_for, judge, judge_silence
from raytui.platforms.cai.api.transport import Answer, TransportError
from tests.unit.platforms.cai.scripted import KEY, TOLD, bad

SECRETS = (Secret(KEY),)
LOGIN = b"<html><head><title>Sign in</title></head><form><input type='password'></form></html>"


def html(status: int, body: bytes = b"<html><title>502 Bad Gateway</title></html>", **headers: str) -> Answer:
    return Answer(status, {"content-type": "text/html", **headers}, body)


@pytest.mark.parametrize(
    ("answer", "kind", "error", "words"),
    [
        (
            bad(401, "the key is invalid"),
            "key",
            NotAllowed,
            ["refused the API key from CML_API_KEY", "the key is invalid"],
        ),
        (
            bad(403, "read only"),
            "denied",
            NotAllowed,
            ["the API key from CML_API_KEY may not list the apps", "read only"],
        ),
        (bad(404, "project x not found"), "absent", NotFound, ["could not list the apps", "does not exist"]),
        (bad(409, "already exists"), "conflict", OperationFailed, ["refused to list the apps", "already exists"]),
        (bad(400, "script 'x.py' not found"), "refused", OperationFailed, ["script 'x.py' not found"]),
        (bad(422, "bad cpu"), "refused", OperationFailed, ["bad cpu"]),
        (bad(429, "slow"), "busy", Unreachable, ["asks to slow down"]),
        (bad(500, "boom"), "broken", Unreachable, ["answered HTTP 500 (boom)"]),
        (html(502), "broken", Unreachable, ["HTTP 502 (502 Bad Gateway)"]),
        (html(504), "gateway", Unreachable, ["HTTP 504"]),
        (
            html(302, b"", location="https://ml.example.com/login?redirect=x&token=abc"),
            "login",
            Unreachable,
            ["sent its login page"],
        ),
        (
            html(301, b"", location="https://other.example.com/"),
            "redirect",
            Unreachable,
            ["points elsewhere", "https://other.example.com/"],
        ),
        (html(200, LOGIN), "login", Unreachable, ["sent its login page"]),
        (
            html(200, b"<html><h1>The workbench is being updated</h1></html>"),
            "html",
            Unreachable,
            ["not API v2", "being updated"],
        ),
        (Answer(200, {}, b"{half"), "garbage", Unreachable, ["not API v2 (not JSON)"]),
        (Answer(200, {}, b"[1, 2]"), "garbage", Unreachable, ["not a JSON object"]),
    ],
)
def test_each_bad_answer_has_its_kind_and_its_sentence(
    answer: Answer, kind: str, error: type[RaytuiError], words: list[str]
) -> None:
    outcome = judge(answer, raw=False, secrets=SECRETS)
    raised = error_for(outcome, "list the apps", TOLD)
    assert outcome.kind == kind
    assert type(raised) is error
    assert all(word in str(raised) for word in words), str(raised)
    assert raised.hint
    assert "\n" not in str(raised)


@pytest.mark.parametrize(
    ("silence", "kind", "reason"),
    [
        (TransportError("refused", sent=False), "unsent", "ConnectionRefused"),
        (TransportError("no-address", sent=False), "unsent", "NameNotFound"),
        (TransportError("no-route", sent=False), "unsent", "NoRoute"),
        (TransportError("untrusted", "self-signed certificate", sent=False), "unsent", "CertificateNotTrusted"),
        (TransportError("timeout"), "timeout", "Timeout"),
        (TransportError("timeout", sent=False), "unsent", "Timeout"),
        (TransportError("lost"), "lost", "ConnectionLost"),
        (TransportError("too-large"), "garbage", "AnswerTooLarge"),
    ],
)
def test_each_way_of_silence_is_unreachable_at_the_platform(silence: TransportError, kind: str, reason: str) -> None:
    outcome = judge_silence(silence)
    raised = error_for(outcome, "list the apps", TOLD)
    assert outcome.kind == kind
    assert isinstance(raised, Unreachable)
    assert (raised.failure.layer, raised.reason) == ("platform", reason)
    assert "ml.example.com" in str(raised)


def test_a_login_page_is_the_login_layer() -> None:
    raised = error_for(judge(html(302, b"", location="/login"), raw=False, secrets=SECRETS), "list the apps", TOLD)
    assert isinstance(raised, Unreachable)
    assert raised.failure.layer == "login"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 302])
def test_no_secret_of_an_answer_reaches_the_message(status: int) -> None:
    body = json.dumps({"message": f"environment {{'DB_PASSWORD': 'hunter22'}} key {KEY} Bearer abcdef"}).encode()
    answer = Answer(status, {"location": f"https://x.example.com/login?key={KEY}"}, body)
    raised = error_for(judge(answer, raw=False, secrets=SECRETS), "do it", TOLD)
    shown = f"{raised} {as_commands(raised.hint)} {raised!r} {raised.args}"
    assert KEY not in shown
    assert "hunter22" not in shown
    assert "abcdef" not in shown


def test_escape_sequences_and_length_of_server_words_are_tamed() -> None:
    raised = error_for(judge(bad(500, "\x1b[31mred\x1b[0m\n" + "x" * 5000), raw=False, secrets=()), "do it", TOLD)
    assert "\x1b" not in str(raised)
    assert len(str(raised)) < 500


def test_a_file_is_taken_as_it_is_but_not_a_page_in_its_place() -> None:
    file = Answer(200, {"content-type": "application/octet-stream"}, LOGIN)
    assert judge(file, raw=True, secrets=()).content == LOGIN
    assert judge(html(200, LOGIN), raw=True, secrets=()).kind == "login"
    assert judge(html(200, b"<html>busy</html>"), raw=True, secrets=()).kind == "html"


@pytest.mark.parametrize(
    ("header", "seconds"), [("3", 3.0), ("0.5", 0.5), ("9999", 60.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0), ("", 0.0)]
)
def test_retry_after_is_read_in_seconds_and_capped(header: str, seconds: float) -> None:
    assert judge(bad(429, **{"retry-after": header}), raw=False, secrets=()).retry_after == seconds


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"name": "a\\ud800b"}', "a\ufffdb"),
        (b'{"name": "a\xffb"}', "a\ufffdb"),
        (b'{"name": "ok", "number": ' + b"9" * 5000 + b"}", "ok"),
        (b'{"name": "\\ud83d\\ude00\\ud800"}', "\U0001f600\ufffd"),
    ],
)
def test_one_odd_text_spoils_only_itself(body: bytes, name: str) -> None:
    outcome = judge(Answer(200, {"content-type": "application/json"}, body), raw=False, secrets=())
    assert outcome.kind == "ok"
    assert outcome.payload["name"] == name
    name.encode()


@pytest.mark.parametrize("body", [b"[" * 100000, b'{"a": ' * 100000, b'{"a"', b"9" * 5000])
def test_what_is_no_object_of_json_is_garbage_however_deep(body: bytes) -> None:
    assert judge(Answer(200, {"content-type": "application/json"}, body), raw=False, secrets=()).kind == "garbage"
