"""Patterns of people: any of them is either refused with a sentence or matched in linear time."""

from __future__ import annotations

import pytest

from raytui.core.errors import ConfigurationError
from raytui.core.patterns import LONGEST, compile_pattern, lenient_pattern

BACKTRACKING = [
    r"(a+)+$",
    r"(a|aa)+$",
    r"(a|a)*c",
    r"(.*)*,(.*)*,(.*)*!",
    r"x.*y.*z.*w",
    r"^(([a-z])+.)+[0-9]([a-z])+$",
]


@pytest.mark.parametrize("pattern", BACKTRACKING)
def test_a_pattern_that_backtracks_elsewhere_answers_here(pattern):
    hostile = "a" * 50_000 + "b"
    assert compile_pattern(pattern, "grep").search(hostile) is False
    assert lenient_pattern(pattern).search(hostile) is False


@pytest.mark.parametrize(
    ("pattern", "reported"),
    [
        ("[", "'[' is not a regular expression: unterminated character set at position 0"),
        ("(?=a)", "cannot be used as a pattern: invalid perl operator: (?="),
        (r"(a)\1", r"cannot be used as a pattern: invalid escape sequence: \1"),
        ("a{1001}", "cannot be used as a pattern: invalid repetition size: {1001}"),
        ("x" * (LONGEST + 1), "is too long for a pattern: it has 4,097 characters of at most 4,096"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_one_sentence_with_its_field(pattern, reported):
    with pytest.raises(ConfigurationError) as caught:
        compile_pattern(pattern, "grep")
    (problem,) = caught.value.problems
    assert problem.field == "grep"
    assert reported in problem.message
    assert problem.hint
    assert len(problem.message) < 200


def test_case_matters_when_it_is_asked_to():
    assert compile_pattern("error", "grep").search("ERROR") is False
    assert compile_pattern("error", "grep", ignore_case=True).search("ERROR") is True
    assert lenient_pattern("ä").search("Ä") is True


def test_what_is_no_pattern_yet_is_looked_for_as_it_stands():
    assert (lenient_pattern("a[").literal, lenient_pattern("a[").search("A[1]")) == (True, True)
    assert lenient_pattern("(?=a)").search("x (?=A) y") is True
    assert lenient_pattern("a.c").literal is False


def test_places_are_counted_in_characters():
    assert list(lenient_pattern("ö").spans("aöbÖ")) == [(1, 2), (3, 4)]


@pytest.mark.parametrize("broken", ["\ud800", "a\udfffb"])
def test_half_a_character_harms_neither_pattern_nor_text(broken):
    assert lenient_pattern("b").search(broken) is broken.endswith("b")
    assert compile_pattern(broken, "grep").search("nothing") is False
