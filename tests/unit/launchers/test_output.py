from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from raytui_node.output import explain, lost_gcs, plain, warning

RECORDED = Path(__file__).with_name("recorded")

CASES = [
    ("bad_flag", 2, "does not know the option --nope", "install the Ray version"),
    ("bad_resources", 1, "not valid JSON: {bad", '{"NAME": NUMBER}'),
    ("client_port_taken", 1, "could not bind 127.0.0.1:10001", "RAYTUI_CLIENT_PORT"),
    ("gcs_lost", 1, "lost the connection to GCS", "start the head again"),
    ("head_already_there", 1, "a Ray head already runs at 10.0.0.5:6379", "RAYTUI_RAY_PORT"),
    ("head_only_flag", 1, "--include-dashboard is for the head only", "worker"),
    ("long_temp", 1, "too long for Ray's sockets", "RAYTUI_TEMP_DIR"),
    ("no_address", 1, "neither --head nor --address", "RAY_HEAD_ADDRESS"),
    ("no_port", 1, "10.77.0.1 has no port", "HOST:PORT"),
    ("port_in_range", 1, "port 16379 lies in a range that Ray uses itself", "10002-19999"),
    ("port_taken", 1, "GCS could not start on port 26380", "RAYTUI_RAY_PORT"),
    ("raylet_killed", 1, "the raylet ended (killed by signal 9)", "raylet"),
    ("session_differs", 1, "another Ray head already answers", "RAYTUI_RAY_PORT"),
    ("small_store", 1, "1000 bytes is below Ray's minimum of 78643200", "RAYTUI_OBJECT_STORE_BYTES"),
    ("startup_timeout", 1, "30 s limit", "overloaded"),
    ("token_missing", 1, "there is no token", "RAY_AUTH_TOKEN_PATH"),
    ("token_not_sent", 1, "this node sends none", "RAY_AUTH_MODE=token"),
    ("token_path", 1, "token file /nope", "0600"),
    ("token_wrong", 1, "refused this node's token", "same token"),
    ("unreachable", -15, "no Ray head answers at 10.0.0.5:6380", "RAY_HEAD_ADDRESS"),
    (
        "version_mismatch",
        1,
        "the head runs Ray 2.60.0 and Python 3.11.7, this node Ray 2.59.0 and Python 3.10.13",
        "one venv",
    ),
]


def test_every_recorded_text_has_a_case():
    assert sorted(path.stem for path in RECORDED.glob("*.txt")) == sorted(name for name, *_ in CASES)


@pytest.mark.parametrize(("name", "code", "message", "hint"), CASES, ids=[case[0] for case in CASES])
def test_ray_s_own_words_become_one_sentence(name: str, code: int, message: str, hint: str):
    said, advice = explain((RECORDED / f"{name}.txt").read_text().splitlines(), code)
    assert message in said
    assert hint in advice
    assert "\n" not in said + advice
    assert not said.endswith(".")


def test_an_unknown_text_gives_the_code_and_ray_s_own_last_error():
    lines = [
        "Traceback (most recent call last):",
        "ray.exceptions.RaySystemError: System error: boom",
        "2026-11-23 17:03:12,700\tINFO a.py:1 -- ---",
    ]
    assert explain(lines, 3) == (
        "Ray ended with exit code 3; its last words: ray.exceptions.RaySystemError: System error: boom",
        "",
    )
    assert explain(["\x1b[31mout of luck\x1b[0m", ""], 4) == (
        "Ray ended with exit code 4; its last words: out of luck",
        "",
    )


def test_silence_gives_the_code_or_signal_alone():
    assert explain([], 7) == ("Ray ended with exit code 7", "")
    assert explain([], -9) == ("Ray was ended by signal 9", "")
    assert explain(["all is well"], 0) == ("Ray ended with exit code 0", "")


def test_a_lost_gcs_is_told_from_a_killed_raylet():
    assert lost_gcs((RECORDED / "gcs_lost.txt").read_text().splitlines())
    assert not lost_gcs((RECORDED / "raylet_killed.txt").read_text().splitlines())


def test_a_living_head_without_a_dashboard_is_warned_of():
    line = "2026-11-23 17:03:12,700\tERR services.py:1315 -- Failed to bind to 127.0.0.1:8265 because it's already occupied."
    message, hint = warning([line])
    assert "127.0.0.1:8265" in message
    assert "RAYTUI_DASHBOARD_PORT" in hint
    assert warning(["Ray runtime started."]) == ("", "")


@given(st.text(), st.integers(-64, 255))
def test_any_text_is_explained_in_one_harmless_line(text: str, code: int):
    for part in explain(text.split("\n"), code):
        assert part.isprintable() or "\t" in part


def test_escapes_are_taken_out_whole():
    assert plain("\x1b[1mbold\x1b[22m \x1b]0;title\x07done\r") == "bold done"
