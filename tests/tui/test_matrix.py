"""Every screen at three sizes and in three themes, in one run of the console for each theme.

What is written is kept as text, once: it is the same in every theme. That it can be read in each of them is measured.
"""

from __future__ import annotations

import msgspec
import pytest
from rich.color import Color

from raytui.core.observed.snapshot import Reading
from raytui.tui.screens.confirm import ConfirmScreen
from raytui.tui.screens.help import HelpScreen
from raytui.tui.screens.story import StoryScreen
from raytui.tui.theme import THEMES, background_style, role_styles
from tests.tui.conftest import absent, run_console
from tests.tui.fakes import FakeSession, FakeSettings
from tests.tui.test_rows import ACTORS, GROUPS, JOBS, PROCESSES
from tests.tui.test_screens import LINES
from tests.tui.test_tables import full, opened
from tests.unit.core.values import NOW

SIZES = ((80, 24), (120, 40), (200, 60))
LISTS = ("jobs", "actors", "serve", "tasks", "placement-groups", "events", "nodes", "conditions", "apps", "workers")
READABLE = 4.5
"""Contrast that any text has at least, by the measure of WCAG (level AA)."""


def everything():
    """A dead worker, and rows in every list."""
    return msgspec.structs.replace(
        full(),
        jobs=Reading(JOBS, at=NOW, total=3),
        actors=Reading(ACTORS, at=NOW, total=15),
        placement_groups=Reading(GROUPS, at=NOW, total=2),
        ray_workers=Reading(PROCESSES, at=NOW, total=1),
    )


def brightness(color):
    """Relative luminance of a colour of the terminal."""
    parts = [part / 255 for part in color.get_truecolor()]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Color, other: Color) -> float:
    """From 1, the same colour, to 21, black on white."""
    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)


def unreadable(console):
    """What is written in colours too near to those behind it; of a dialog what is in its frame."""
    strips = console.app.screen._compositor.render_strips()
    dialog = console.app.screen.query("#dialog")
    if dialog:
        region = dialog.first().region
        strips = [strip.crop(region.x, region.right) for strip in strips[region.y : region.bottom]]
    return [
        (segment.text, segment.style.color, segment.style.bgcolor)
        for strip in strips
        for segment in strip
        if segment.style is not None
        and segment.style.color is not None
        and segment.style.bgcolor is not None
        and any(sign.isalnum() for sign in segment.text)
        and contrast(segment.style.color, segment.style.bgcolor) < READABLE
    ]


async def every_screen(console, lists):
    """Go through the screens, and name each as it is shown."""
    app, cluster = console.app, console.cluster

    async def left():
        app.screen.dismiss(None)
        await console.until(lambda: app.screen is cluster, "the cluster")

    await console.show(absent())
    yield "no cluster"
    await console.press("s")
    await console.until(lambda: isinstance(app.screen, ConfirmScreen), "the plan")
    yield "the plan of a start"
    await left()
    await console.show(everything())
    await console.until(lambda: "plain output" in console.screen(), "the log")
    yield "the cluster"
    await console.press("x")
    await console.until(lambda: isinstance(app.screen, ConfirmScreen), "the plan")
    yield "the plan of a stop"
    await left()
    await console.press("e")
    await console.until(lambda: "Worker GPUs" in console.screen(), "the form")
    yield "the form"
    await console.press("escape")
    cluster.body.attention.body.focus()
    await console.press("enter")
    await console.until(
        lambda: isinstance(app.screen, StoryScreen) and "asking for" not in console.screen(), "the story"
    )
    yield "the story"
    await left()
    await console.press("question_mark")
    await console.until(lambda: isinstance(app.screen, HelpScreen) and "attention" in console.screen(), "help")
    yield "help"
    await left()
    for kind in lists:
        screen = await opened(console, kind)
        yield f"the list of {kind}"
        if kind in {"jobs", "actors"}:
            await console.press("enter")
            await console.until(lambda screen=screen: screen.details.display, "the details")
            yield f"details of {kind}"
            await console.press("escape")
    await opened(console, "jobs")
    await console.press("slash")
    await console.until(lambda: app.screen.query("#prompt"), "the prompt")
    app.screen.query_one("#prompt").field.value = "nothing like it"
    await console.until(lambda: "passes the filter" in console.screen(), "the filter")
    yield "a filter that nothing passes"
    await console.press("enter", "escape")
    await console.press("l")
    await console.until(lambda: "step 59" in console.screen(), "the log")
    yield "the log of a job"


async def at(console, size):
    """Have the terminal another size."""
    await console.pilot.resize_terminal(*size)
    await console.pilot.pause()
    await console.pilot.pause()


@pytest.mark.parametrize("theme", list(THEMES))
@pytest.mark.parametrize("ground", ["background", "surface", "panel", "cursor", "match"])
def test_what_is_written_in_any_role_can_be_read_on_every_ground(theme, ground):
    made, _ = THEMES[theme]
    variables = {**made.to_color_system().generate(), **made.variables}
    behind = background_style(variables, ground).bgcolor
    styles = role_styles(variables)
    faint = {role: round(contrast(style.color, behind), 2) for role, style in styles.items() if role != "rule"}
    assert not {role: found for role, found in faint.items() if found < READABLE}


@pytest.mark.parametrize("theme", ["dark", "light", "contrast"])
async def test_every_screen_can_be_read_at_every_size(theme, snapshot):
    pictures: dict[str, str] = {}
    faint: list[object] = []

    async def body(console):
        # All lists are painted by one widget, in the same roles.
        async for name in every_screen(console, LISTS if theme == "dark" else LISTS[:2]):
            for size in SIZES:
                await at(console, size)
                pictures[f"{name} at {size[0]}x{size[1]}"] = console.screen()
                assert all(len(line) <= size[0] for line in console.screen().splitlines())
                faint.extend((name, size, *found) for found in unreadable(console))

    session = FakeSession(FakeSettings(theme=theme))
    session.logs.batches = {"head": [LINES * 6], "worker-2": [LINES * 6]}
    session.logs.batches["job/train-7"] = [
        [f"2026-11-24 17:02:{n:02},000 INFO train.py:12 -- step {n}" for n in range(60)]
    ]
    await run_console(body, session, size=SIZES[1])
    assert not faint
    if theme == "dark":
        assert "\n\n".join(f"== {name}\n{text}" for name, text in pictures.items()) == snapshot
