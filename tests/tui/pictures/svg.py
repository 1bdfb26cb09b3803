"""Screens as SVG, by Rich's own export: one as a picture, several as a film that a browser plays without a script.

No font is fetched: what is written keeps its width in whatever monospaced font there is.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Sequence

from rich.console import Console, RenderableType
from textual.app import App

FONT = "ui-monospace, 'Fira Code', Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_STYLE = f"""
.t-matrix {{{{ font-family: {FONT}; font-size: {{char_height}}px; line-height: {{line_height}}px }}}}
.t-title {{{{ font-family: sans-serif; font-size: 18px; font-weight: bold }}}}
{{styles}}
""".strip()
_HEAD = '<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">\n'
_FRAME = (
    _HEAD
    + f"<style>\n{_STYLE}\n</style>\n"
    + '<defs><clipPath id="t-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>@lines@</defs>\n'
    + "{chrome}\n"
    + '<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#t-clip-terminal)">\n@screen@\n</g>\n</svg>\n'
)
_SCREEN = '{backgrounds}\n<g class="t-matrix">\n{matrix}\n</g>'
_LINE_CLIP = re.compile(r' clip-path="url\(#t-line-\d+\)"')
_PLACED = re.compile(r'<(?:rect|text) [^>]*? y="([\d.]+)"[^>]*?(?:/>|>[^<]*</text>)')
_TEXT = re.compile(r'<text (class="[^"]*") x="([^"]*)" y="([^"]*)" textLength="[^"]*">([^<]*)</text>')
_PART = re.compile("(\xa0*)((?:[^\xa0]|\xa0(?!\xa0|$))+)")
_CELL, _LINE_HEIGHT = 20 * 0.61, 20 * 1.22
_TOP, _BASE = 1.5, 20
"""Where Rich puts the background and the text of the first line."""


def painted(app: App[object]) -> RenderableType:
    """What the console shows now, as Textual's own screenshots take it."""
    return app.screen._compositor.render_update(full=True, screen_stack=app._background_screens, simplify=True)


def picture(screen: RenderableType, size: tuple[int, int], title: str) -> str:
    """One screen as a picture with a frame."""
    whole = _FRAME.replace("@lines@", "").replace("@screen@", _SCREEN)
    return _in_lines(_in_words(_exported([screen], size, title, whole)))


def film(frames: Sequence[tuple[RenderableType, float]], size: tuple[int, int], title: str) -> str:
    """Screens one after the other, each for its seconds, again and again; a line that several show is written once.

    Who asked for less motion sees the first of them.
    """
    strip = (size[0], size[1] * len(frames))
    drawn = _exported([screen for screen, _ in frames], strip, title, "{backgrounds}{matrix}@{styles}")
    elements, _, styles = drawn.rpartition("@")
    known: dict[str, str] = {}
    uses = []
    for row, line in sorted(_rows(_in_words(elements)).items()):
        name = known.setdefault(line, f"l{len(known)}")
        uses.append(f'<use href="#{name}" y="{row * _LINE_HEIGHT:.6g}"/>')
    lines = "".join(f'\n<g id="{name}">{line}</g>' for line, name in known.items())
    frame = _exported([""] * size[1], size, title, _FRAME)
    frame = frame.replace("</style>", f"{styles}\n{_motion([seconds for _, seconds in frames], size[1])}\n</style>")
    moved = f'<g class="t-matrix film">\n{"".join(uses)}\n</g>'
    return _in_lines(frame.replace("@lines@", lines).replace("@screen@", moved))


def _rows(elements: str) -> dict[int, str]:
    """What stands in each line, as if it were the first."""
    rows: dict[int, str] = {}
    for found in _PLACED.finditer(elements):
        first = _TOP if found[0].startswith("<rect") else _BASE
        row = round((float(found[1]) - first) / _LINE_HEIGHT)
        rows[row] = rows.get(row, "") + found[0].replace(f' y="{found[1]}"', f' y="{first:g}"')
    return rows


def _motion(seconds: Sequence[float], height: int) -> str:
    """The rules that show one frame after the other."""
    total = sum(seconds)
    moves = [
        f"{100 * sum(seconds[:n]) / total:.4g}% {{ transform: translateY({-n * height * _LINE_HEIGHT:.6g}px) }}"
        for n in range(len(seconds))
    ]
    return (
        "@keyframes film {\n" + "\n".join(moves) + "\n}\n"
        f".film {{ animation: film {total:g}s step-end infinite }}\n"
        "@media (prefers-reduced-motion: reduce) { .film { animation: none } }"
    )


def _exported(screens: Sequence[RenderableType], size: tuple[int, int], title: str, code_format: str) -> str:
    console = Console(
        width=size[0],
        height=size[1],
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        record=True,
        legacy_windows=False,
        safe_box=False,
    )
    for screen in screens:
        console.print(screen, end="")
        console.line()
    return _LINE_CLIP.sub("", console.export_svg(title=title, code_format=code_format, unique_id="t"))


def _in_lines(svg: str) -> str:
    """A line for each element, so that a difference names the place."""
    return re.sub(r"(/>|</text>)(?=<)", r"\1\n", svg)


def _in_words(svg: str) -> str:
    """Text without the blanks around it, each part at its own column: not every program keeps those blanks."""
    return _TEXT.sub(_words, svg)


def _words(found: re.Match[str]) -> str:
    before, left, y, text = found.groups()
    parts, column = [], 0
    for blanks, part in _PART.findall(html.unescape(text.strip("\n"))):
        column += len(blanks)
        x, length = float(left) + column * _CELL, len(part) * _CELL
        parts.append(f'<text {before} x="{x:.6g}" y="{y}" textLength="{length:.6g}">{html.escape(part)}</text>')
        column += len(part)
    return "".join(parts)
