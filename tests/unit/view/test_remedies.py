"""One remedy, written as a command and as a key."""

from __future__ import annotations

import pytest

from raytui.core.remedy import CREATE, FOLLOW, REMOVE, SHOW, Hint, Remedy, as_commands, plus
from raytui.view.remedies import as_keys

KEYS = {"start": "s", "stop": "x", "scale": "+", "restart": "r", "logs": "l"}
LOOK, AGAIN = Remedy("logs", "worker-2", "shows its last lines"), Remedy("restart", "worker-2", "runs it again")


@pytest.mark.parametrize(
    ("hint", "command", "key"),
    [
        ("", "", ""),
        ("free the port", "free the port", "free the port"),
        (CREATE, "raytui start creates it", "s creates it"),
        (FOLLOW, "raytui watch follows it", "this screen follows it"),
        (SHOW, "raytui status shows what exists", "this screen shows what exists"),
        (
            (LOOK, AGAIN),
            "raytui logs worker-2 shows its last lines, raytui restart worker-2 runs it again",
            "on its row: l shows its last lines, r runs it again",
        ),
        (
            (AGAIN, "; the platform does so by itself after 5 minutes"),
            "raytui restart worker-2 runs it again; the platform does so by itself after 5 minutes",
            "on its row: r runs it again; the platform does so by itself after 5 minutes",
        ),
        (
            ("free the dashboard port, then ", Remedy("restart", "head")),
            "free the dashboard port, then raytui restart head",
            "free the dashboard port, then r on head restarts it",
        ),
        (
            Remedy("logs", "head", "shows its output"),
            "raytui logs head shows its output",
            "on the row of head: l shows its output",
        ),
        (Remedy("scale", "N", "adds workers"), "raytui scale N adds workers", "+ adds workers"),
        (Remedy("scale", "3", "does"), "raytui scale 3 does", "raytui scale 3 does"),
        (Remedy("start", "--recreate", "does"), "raytui start --recreate does", "raytui start --recreate does"),
        (Remedy("stop", "--cluster c", "removes it"), "raytui stop --cluster c removes it", "x removes it"),
        (Remedy("logs", "--list", "names them"), "raytui logs --list names them", "raytui logs --list names them"),
        (Remedy("doctor", "", "checks it"), "raytui doctor checks it", "raytui doctor checks it"),
    ],
)
def test_a_remedy_reads_as_command_and_as_key(hint: Hint, command: str, key: str) -> None:
    assert as_commands(hint) == command
    assert as_keys(hint, KEYS, "worker-2") == key


def test_keys_are_those_of_the_keymap() -> None:
    assert as_keys(CREATE, {**KEYS, "start": "^n"}) == "^n creates it"


def test_hints_are_put_together() -> None:
    assert plus("", REMOVE, "") == REMOVE
    assert plus() == ""
    assert (
        as_commands(plus(LOOK, plus("; then ", REMOVE)))
        == "raytui logs worker-2 shows its last lines; then raytui stop removes what exists"
    )


def test_the_key_of_a_story_says_where_it_tells_it():
    hint = Remedy("explain", "job/train-7", "tells the whole story")
    assert as_keys(hint, {"explain": "enter"}, "job/train-7") == "enter here tells the whole story"
    assert as_keys(hint, {"explain": "enter"}, "worker-1") == "raytui explain job/train-7 tells the whole story"
