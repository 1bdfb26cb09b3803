"""The question before something ends: a letter is enough, but in production the cluster's name is typed."""

from __future__ import annotations

import os
import sys

import pytest

from raytui.cli.asking import is_agreed
from raytui.cli.flags import read


class Written:
    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text


def answered(monkeypatch, line, typed=""):
    """What is asked, and whether that line is a yes."""
    reads, writes = os.pipe()
    reported = Written()
    with os.fdopen(reads) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        os.write(writes, line.encode())
        os.close(writes)
        return reported, is_agreed(reported, typed)  # type: ignore[arg-type]


@pytest.mark.parametrize(("line", "agreed"), [("y\n", True), ("\n", False), ("maybe\nyes\n", True)])
def test_a_letter_is_a_yes(monkeypatch, line, agreed):
    reported, answer = answered(monkeypatch, line)
    assert answer is agreed
    assert "[y/N]" in reported.text


@pytest.mark.parametrize(
    ("line", "agreed"), [("y\n", False), ("ray-cluster\n", True), (" ray-cluster \n", True), ("\n", False)]
)
def test_in_production_only_the_name_is(monkeypatch, line, agreed):
    reported, answer = answered(monkeypatch, line, "ray-cluster")
    assert answer is agreed
    assert "Type ray-cluster to go on" in reported.text


def test_read_only_is_a_plain_word_before_and_after_a_status():
    assert read(["--read-only"]).given == {"read_only": "true"}
    assert read(["status", "--read-only"]).plain
