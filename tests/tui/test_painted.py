"""What is written to the terminal of a frame, checked on a small terminal that obeys the sequences."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable

import pytest
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.geometry import Region
from textual.strip import Strip

from raytui.tui.painted import Difference, Painted
from raytui.tui.terminal import TerminalDriver
from tests.tui.conftest import Console as Driven
from tests.tui.conftest import run_console

WIDTH = 40
BASE, LOUD = "38;2;201;206;211;48;2;16;19;22", "1;38;2;231;185;58;48;2;16;19;22"
Piece = tuple[str, str]
Shown = dict[tuple[int, int], tuple[str, frozenset[str], str, str]]


def frame(*lines: tuple[int, int, Iterable[Piece]]) -> str:
    """A frame as Textual writes it: each piece begins and ends its own style."""
    return "\n".join(
        f"\x1b[{line};{column}H" + "".join(f"\x1b[{style}m{text}\x1b[0m" if style else text for text, style in pieces)
        for line, column, pieces in lines
    )


def show(written: str, shown: Shown) -> None:
    """Do to a screen what a terminal would; of a space only what can be seen counts."""
    line = column = 1
    look: tuple[frozenset[str], str, str] = (frozenset(), "", "")
    for found in re.finditer(r"\x1b\[([\d;]*)([HCm])|(\n)|([^\x1b])", written):
        given, what, newline, char = found.groups()
        if what == "H":
            line, column = (int(number) for number in given.split(";"))
        elif what == "C":
            column += int(given)
        elif what == "m":
            look = _styled(look, given.split(";"))
        elif newline:
            line += 1
        else:
            attributes, ink, paper = look
            unseen = char == " " and attributes <= {"1", "2", "3"}
            shown[line, column] = (char, frozenset(), "", paper) if unseen else (char, attributes, ink, paper)
            column += 1


def _styled(look: tuple[frozenset[str], str, str], codes: list[str]) -> tuple[frozenset[str], str, str]:
    attributes, ink, paper = look
    while codes:
        code = codes.pop(0)
        if code in ("", "0"):
            attributes, ink, paper = frozenset(), "", ""
        elif code in ("38", "48"):
            count = 4 if codes[0] == "2" else 2
            colour, codes = ";".join(codes[:count]), codes[count:]
            ink, paper = (colour, paper) if code == "38" else (ink, colour)
        elif code in ("39", "49"):
            ink, paper = ("", paper) if code == "39" else (ink, "")
        elif re.fullmatch(r"[39][0-7]", code):
            ink = code
        elif re.fullmatch(r"(4|10)[0-7]", code):
            paper = code
        else:
            attributes |= {code}
    return attributes, ink, paper


def line(age: str) -> str:
    return frame((3, 1, [("node-1", LOUD), ("  up ", BASE), (f"{age:>5}", BASE), (" " * (WIDTH - 16), BASE)]))


def test_a_line_with_one_other_digit_costs_one_cell() -> None:
    painted = Painted()
    painted.difference(line("41s"))
    assert painted.difference(line("42s")) == f"\x1b[3;15H\x1b[{BASE}m2\x1b[0m"


def test_a_frame_that_stands_there_already_costs_nothing() -> None:
    painted = Painted()
    painted.difference(line("41s"))
    assert painted.difference(line("41s")) == ""


def test_a_line_painted_over_in_between_is_written_again() -> None:
    painted = Painted()
    first = line("41s")
    painted.difference(first)
    painted.difference(frame((3, 15, [("9", BASE)])))
    assert painted.difference(first) == f"\x1b[3;15H\x1b[{BASE}m1\x1b[0m"


def test_neighbours_of_one_style_are_written_in_one() -> None:
    assert Painted().difference(frame((1, 1, [("a", BASE), ("b", BASE)]))) == f"\x1b[1;1H\x1b[{BASE}mab\x1b[0m"


def test_of_two_styles_only_the_part_that_differs_is_written() -> None:
    red, green = "38;2;1;2;3;48;2;9;9;9", "38;2;4;5;6;48;2;9;9;9"
    written = Painted().difference(frame((1, 1, [("a", red), ("b", green)])))
    assert written == f"\x1b[1;1H\x1b[{red}ma\x1b[38;2;4;5;6mb\x1b[0m"


def test_what_was_forgotten_is_written_again() -> None:
    painted = Painted()
    painted.difference(line("41s"))
    painted.forget()
    assert "node-1" in painted.difference(line("41s"))


@pytest.mark.parametrize("other", ["日", "e\u0301", "\x1b]8;id=1;http://a\x1b\\x"])
def test_a_frame_that_is_not_of_single_columns_is_written_as_it_is(other: str) -> None:
    painted = Painted()
    painted.difference(line("41s"))
    whole = frame((3, 1, [(other, BASE)]))
    assert painted.difference(whole) == whole
    assert "node-1" in painted.difference(line("41s"))


STYLES = ["", BASE, LOUD, "7;31;42", "1", "4;38;5;12", "2;48;5;7", "3;97;107", "39;49", "1;2;48;2;1;1;1", "9;39;45"]


@pytest.mark.parametrize("seed", range(20))
def test_the_terminal_shows_the_same_as_with_whole_frames(seed: int) -> None:
    chance = random.Random(seed)
    painted = Painted()
    whole: Shown = {}
    short: Shown = {}
    for _ in range(60):
        lines = []
        for at in sorted(chance.sample(range(1, 6), 3)):
            pieces = [
                ("".join(chance.choices("ab  ▓", k=chance.randint(1, 4))), chance.choice(STYLES)) for _ in range(4)
            ]
            lines.append((at, chance.randint(1, 12), pieces))
        made = frame(*lines)
        show(made, whole)
        show(painted.difference(made), short)
        assert short == whole


async def test_the_console_writes_its_frames_that_way(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []
    monkeypatch.setattr(App, "_display", lambda _, __, frame: shown.append(frame))
    driver = TerminalDriver.__new__(TerminalDriver)
    driver._painted, driver._painted_size = Painted(), None

    async def body(console: Driven) -> None:
        app = console.app
        monkeypatch.setattr(app, "_driver", driver)
        app._display(app.screen, ChopsUpdate([{0: Strip([Segment("a")])}], [(0, 0, 1)], [[1]]))
        monkeypatch.undo()

    await run_console(body)
    assert isinstance(shown[-1], Difference)


def test_a_whole_screen_is_written_whole_and_what_follows_it_too() -> None:
    console, painted = Console(color_system="truecolor", force_terminal=True), Painted()
    strip = Strip([Segment("up 41s", Style.parse("bold"))])
    part = ChopsUpdate([{0: strip}], [(0, 0, 6)], [[6]])
    screen = LayoutUpdate([[strip]], Region(0, 0, 6, 1))
    first = Difference(part, painted).render_segments(console)
    assert "up 41s" in first
    assert Difference(part, painted).render_segments(console) == ""
    assert "up 41s" in Difference(screen, painted).render_segments(console)
    assert Difference(part, painted).render_segments(console) == first
