"""The README shows what the console draws, and nothing else; `python -m tests.tui.pictures` draws it again after a change."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.tui import pictures
from tests.tui.pictures.scenes import SCENES

FOLDER = Path(pictures.__file__).parent
README = Path(__file__).parents[2] / "README.md"


@pytest.mark.parametrize("name", SCENES)
async def test_the_console_still_draws_what_the_readme_shows(name):
    drawn, kept = await SCENES[name](), (FOLDER / name).read_text()
    different = [(old, new) for old, new in zip(kept.splitlines(), drawn.splitlines(), strict=False) if old != new]
    assert drawn == kept, f"{name} differs, first in {different[:1]}; look at it after `python -m tests.tui.pictures`"


def test_the_readme_shows_each_picture_with_words_in_its_place():
    shown = dict(re.findall(r"!\[([^\]]+)\]\(tests/tui/pictures/([\w-]+\.svg)\)", README.read_text()))
    assert sorted(shown.values()) == sorted(SCENES)


def test_a_picture_is_small_and_fetches_nothing():
    for name in SCENES:
        text = (FOLDER / name).read_text()
        assert len(text.encode()) < (400_000 if "@keyframes" in text else 120_000)
        assert re.findall(r"https?://[^\"<\s]+", text.replace("http://www.w3.org/2000/svg", "")) == []
        assert "<script" not in text
