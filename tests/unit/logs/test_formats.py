"""The forms of lines: files of a real head, other releases and programs, inherited times and levels, zones."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytui.logs import formats
from raytui.logs.formats import FORMATS, Clock, Reader, is_alarm, parse

RECORDED = Path(__file__).parents[2] / "data" / "ray" / "logs"
SHARES = {
    "dashboard.log": {"ray-python": 14},
    "dashboard_JobHead.log": {"ray-python": 5},
    "dashboard_agent.log": {"ray-python": 14},
    "gcs_server.out": {"ray-cpp": 14},
    "launcher.log": {"launcher": 2, "ray-python": 10},
    "log_monitor.log": {"ray-python": 4},
    "monitor.log": {"ray-python": 14},
    "ray_client_server.err": {"ray-python": 1},
    "raylet.out": {"ray-cpp": 9, "": 5},
    "runtime_env_agent.log": {"ray-python": 3},
    "runtime_env_agent.out": {"": 2},
}
"""How many lines of each file have which form."""
AT = datetime(2026, 11, 24, 8, 0, 0, 123000, UTC).timestamp()


@pytest.mark.parametrize("name", sorted(SHARES))
def test_the_files_of_a_real_head_are_understood(name):
    texts = (RECORDED / name).read_text().splitlines()
    assert Counter(found[1] if (found := parse(text)) else "" for text in texts) == SHARES[name]
    lines = list(Reader(name).read_all(texts))
    if set(SHARES[name]) != {""}:
        assert all(line.at is not None for line in lines)
        assert all(line.level in {"INFO", "WARNING", "ERROR", None} for line in lines)


def test_every_recorded_file_has_its_shares():
    assert {path.name for path in RECORDED.iterdir()} == set(SHARES)


@pytest.mark.parametrize(
    ("text", "form", "level", "place", "message"),
    [
        ("[2026-11-24 08:00:00,123 I 12 12] (raylet) a.cc:5: text", "ray-cpp", "INFO", "a.cc:5", "text"),
        ("[2026-11-24 08:00:00,123 E 12 345] core_worker.cc:7: text", "ray-cpp", "ERROR", "core_worker.cc:7", "text"),
        ("[2026-11-24 08:00:00,123 C 12 12] a.cc:5:  Check failed", "ray-cpp", "FATAL", "a.cc:5", " Check failed"),
        ("2026-11-24 08:00:00,123\tINFO scripts.py:10 -- text", "ray-python", "INFO", "scripts.py:10", "text"),
        ("2026-11-24 08:00:00,123 WARNING scripts.py:10 -- text", "ray-python", "WARNING", "scripts.py:10", "text"),
        ("2026-11-24 08:00:00,123 - INFO - text", "dated", None, "", "- INFO - text"),
        ("2026-11-24 08:00:00,123\tSUCC scripts.py:1 -- -----", "ray-python", "INFO", "scripts.py:1", "-----"),
        ("INFO 2026-11-24 08:00:00,123 controller 12 -- text", "ray-serve", "INFO", "", "controller 12 -- text"),
        ("2026-11-24T08:00:00.123Z raytui: head: joining", "launcher", None, "", "raytui: head: joining"),
        (
            '{"asctime": "2026-11-24 08:00:00,123", "levelname": "E", "message": "text", "filename": "a.cc", "lineno": 5}',
            "json",
            "ERROR",
            "a.cc:5",
            "text",
        ),
        ('{"ts": "2026-11-24T08:00:00.123Z", "level": "warning", "msg": "text"}', "json", "WARNING", "", "text"),
        ("(Counter pid=12, ip=10.0.0.1) 2026-11-24 08:00:00,123 ERROR a.py:1 -- text", "ray-python", "ERROR", "a.py:1", "text"),
        ("(raylet) [2026-11-24 08:00:00,123 E 1 1] (raylet) a.cc:1: text", "ray-cpp", "ERROR", "a.cc:1", "text"),
    ],
)  # fmt: skip
def test_a_line_says_when_how_serious_where_and_what(text, form, level, place, message):
    found = parse(text)
    assert found is not None
    parsed, name = found
    assert (name, parsed.level, parsed.place, parsed.message) == (form, level, place, message)
    assert Reader("x").read(text).at == pytest.approx(AT)


def test_glog_has_no_year_so_the_last_such_day_is_meant():
    parsed, form = parse("E1124 08:00:00.123456  12 a.cc:5] text")
    assert (form, parsed.level, parsed.place, parsed.message) == ("glog", "ERROR", "a.cc:5", "text")
    assert Clock(UTC, AT + 60).time(parsed) == pytest.approx(AT + 0.000456)


def test_glog_goes_on_over_a_new_year():
    texts = ["I1231 23:59:58.000000  12 a.cc:5] old", "I0101 00:00:02.000000  12 a.cc:5] new"]
    new_year = datetime(2027, 1, 1, tzinfo=UTC).timestamp()
    clock = Clock(UTC, new_year + 3600)
    assert [clock.time(parse(text)[0]) - new_year for text in texts] == [-2, 2]
    leap = parse("I0229 12:00:00.000000  12 a.cc:5] a day of a leap year")[0]
    assert (
        Clock(UTC, datetime(2025, 1, 5, tzinfo=UTC).timestamp()).time(leap)
        == datetime(2024, 2, 29, 12, tzinfo=UTC).timestamp()
    )


@pytest.mark.parametrize(
    "text",
    ["", "plain", "{", "{}", "[1, 2]", '{"a": 1}', "(a) (b) c", "12 apples", "9999-99-99", "{" * 3000, "I", "[2026"],
)
def test_what_has_no_form_has_none(text):
    assert parse(text) is None
    assert Reader("x").read(text).at is None


def test_lines_without_a_form_belong_to_the_one_above():
    texts = [
        "2026-11-24 08:00:00,123\tINFO a.py:1 -- fine",
        "more of it",
        "Traceback (most recent call last):",
        '  File "a.py", line 1',
        "ValueError: no",
        "2026-11-24 08:00:01,000\tINFO a.py:1 -- fine again",
        "killed by SIGKILL",
        "and more",
    ]
    lines = list(Reader("x").read_all(texts))
    assert [line.level for line in lines] == ["INFO", "INFO", "ERROR", "ERROR", "ERROR", "INFO", "ERROR", "INFO"]
    assert [line.at for line in lines] == [pytest.approx(AT)] * 5 + [pytest.approx(AT + 0.877)] * 3


def test_a_time_without_a_zone_is_meant_where_the_node_is(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        text = "2026-11-24 08:00:00,123\tINFO a.py:1 -- x"
        assert Reader("x", None).read(text).at == pytest.approx(AT - 9 * 3600)
        assert Reader("x", UTC).read(text).at == pytest.approx(AT)
        said = "2026-11-24T08:00:00.123Z raytui: x"
        assert Reader("x", None).read(said).at == Reader("x", UTC).read(said).at == pytest.approx(AT)
    finally:
        monkeypatch.undo()
        time.tzset()


@given(st.text(max_size=200))
def test_any_text_is_a_line(text):
    line = Reader("x").read(text, 7)
    assert (line.source, line.text, line.offset) == ("x", text, 7)


heads = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["[2026-11-24 08:00:00,123 E 1 1] ", "2026-11-24 08:00:00,123\tERROR ", "[2026-02-30 08:00:00,123 I 1 1] ", "2026-11-24 08:00:00,123 INFO "]),
    st.sampled_from(["(raylet) ", "", " "]),
    st.sampled_from(["a.cc:1:", "a.py:1", "", "a.cc:x:"]),
    st.sampled_from([" text", "text", ""]),
)  # fmt: skip


@given(heads)
def test_the_short_way_of_reading_a_head_says_what_the_whole_form_says(text):
    line, found = Reader("x").read(text), parse(text)
    assert found is not None
    assert (line.at, line.level) == (Clock(UTC).time(found[0]), found[0].level)


@given(st.text(max_size=200))
def test_a_line_is_left_out_by_its_first_letter_only_when_no_form_begins_so(text):
    assert parse(text) is not None or all(each.parse(text) is None for each in FORMATS)


words = st.sampled_from(
    (
        *(
            "Traceback (most recent call last)",
            "ValueError: ",
            "my.Exception: ",
            "SIGKILL",
            "\u017figkill",
            "sig\u212aill",
        ),
        *("sigsegv", "Segmentation Fault", "OUT of memory", "error:", " ", "\t", "x", "_", "\n", "\x1b[1m", "\xe9"),
    )
)


@given(st.lists(words | st.text(max_size=4), max_size=6).map("".join))
def test_the_short_look_for_an_alarm_finds_what_the_pattern_finds(text):
    assert is_alarm(text) is (formats._ALARM.search(text) is not None)
