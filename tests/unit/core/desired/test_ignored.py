"""What .gitignore and .rayignore leave out, by the rules of gitignore(5)."""

from __future__ import annotations

import pytest

from raytui.core.desired.ignored import is_ignored, rules_of


@pytest.mark.parametrize(
    ("patterns", "path", "folder", "ignored"),
    [
        ("*.log", "a.log", False, True),
        ("*.log", "deep/er/a.log", False, True),
        ("*.log", "a.logs", False, False),
        ("/build", "build", True, True),
        ("/build", "src/build", True, False),
        ("data/", "data", True, True),
        ("data/", "data", False, False),
        ("data/", "src/data", True, True),
        ("src/data", "src/data", True, True),
        ("src/data", "other/src/data", True, False),
        ("**/logs", "a/b/logs", True, True),
        ("a/**/z", "a/b/c/z", False, True),
        ("a/**/z", "a/z", False, True),
        ("a/**", "a/b/c", False, True),
        ("?.txt", "a.txt", False, True),
        ("?.txt", "ab.txt", False, False),
        ("[ab].txt", "b.txt", False, True),
        ("[!ab].txt", "b.txt", False, False),
        ("*.log\n!keep.log", "keep.log", False, False),
        ("# comment\n\n   ", "# comment", False, False),
        ("\\#real", "#real", False, True),
        ("a.b", "axb", False, False),
        ("*", "anything", False, True),
        ("[", "[", False, True),
    ],
)
def test_rules(patterns: str, path: str, folder: bool, ignored: bool) -> None:
    assert is_ignored(path, is_folder=folder, rules=rules_of(patterns.splitlines())) is ignored


def test_the_rules_of_a_folder_hold_below_it_alone() -> None:
    rules = rules_of(["*.csv", "/top"], "src/")
    assert is_ignored("src/deep/a.csv", is_folder=False, rules=rules)
    assert is_ignored("src/top", is_folder=False, rules=rules)
    assert not is_ignored("a.csv", is_folder=False, rules=rules)
    assert not is_ignored("src/deep/top", is_folder=False, rules=rules)
