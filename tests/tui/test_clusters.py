"""Several clusters in one console: the line of them, the way from one to the other, and what the others cost."""

from __future__ import annotations

import msgspec
import pytest

from raytui.core.clusters import Entry, Opened
from raytui.core.errors import ConfigurationError
from raytui.tui.app import RaytuiApp
from raytui.tui.panes.tabs import TabsBar
from raytui.tui.render.tabs import TabMark, tabs_line
from raytui.tui.render.text import line_cells
from tests.tui.conftest import Console, absent, healthy, with_dead_worker
from tests.tui.fakes import SPEC, Clock, FakeSession, FakeSettings, as_session
from tests.unit.core import values


def session_of(name, **more):
    settings = FakeSettings(profile_name=name, cluster=msgspec.structs.replace(SPEC, name=name), **more)
    return FakeSession(settings)


class LookedAt(FakeSession):
    """A session whose short looks are answered at once, and counted."""

    def __init__(self, name, snapshot, **more):
        super().__init__(session_of(name, **more).settings)
        self.snapshot, self.looks = snapshot, 0
        self.monitor.observe = self.observe

    async def observe(self, questions=()):
        assert not frozenset(questions)
        self.looks += 1
        return self.snapshot


def entry(name, session, opens=None):
    """A profile; `opens` notes when it is read."""

    def read():
        if opens is not None:
            opens.append(name)
        if isinstance(session, Exception):
            raise session
        return Opened(session.settings, lambda: as_session(session), name, lambda other: entry(other, session))

    return Entry(name, name, read)


def of(snapshot, name):
    return msgspec.structs.replace(snapshot, cluster=name)


async def run_several(body, *others, size=(80, 24), front=None):
    session = front or session_of("train")
    clock = Clock(values.NOW + 1)
    app = RaytuiApp(session.settings, lambda: as_session(session), clock=clock, ascii_only=False, others=others)
    async with app.run_test(size=size) as pilot:
        await body(Console(session, clock, app, pilot))
    return app


def first_line(console):
    return console.screen().splitlines()[0]


async def test_one_cluster_alone_has_no_line_of_clusters():
    async def body(console):
        await console.show(of(healthy(), "train"))
        assert "OK" in first_line(console)
        assert not console.app.screen.query(TabsBar)
        await console.press("full_stop")
        assert console.cluster.names.cluster == "train"

    await run_several(body)


async def test_the_first_frame_shows_the_line_and_nothing_of_the_others_was_read():
    opened, at_first = [], []
    prod = LookedAt("prod", of(with_dead_worker(), "prod"))

    class App(RaytuiApp):
        def _begin_beside(self):
            at_first.append((list(opened), prod.looks, self.screen.query_one(TabsBar).lines))
            super()._begin_beside()

    session = session_of("train")
    app = App(session.settings, lambda: as_session(session), ascii_only=False, others=[entry("prod", prod, opened)])
    async with app.run_test(size=(80, 24)) as pilot:
        while not prod.looks:
            await pilot.pause()
    [(read, looks, lines)] = at_first
    assert (read, looks) == ([], 0)
    assert "prod" in "".join(text for text, _ in lines[0])


async def test_the_worst_stands_first_once_all_were_looked_at_and_then_no_name_moves():
    prod = LookedAt("prod", of(with_dead_worker(), "prod"))
    dev = LookedAt("dev", of(absent(), "dev"))

    async def body(console):
        await console.show(of(healthy(), "train"))
        await console.until(lambda: "▲ prod  ● train  ○ dev" in first_line(console), "the order")
        await console.show(of(with_dead_worker(), "train"))
        await console.until(lambda: "▲ prod  ▲ train  ○ dev" in first_line(console), "the mark in its place")

    await run_several(body, entry("dev", dev), entry("prod", prod))


async def test_the_next_cluster_comes_to_the_front_and_the_one_that_is_left_is_asked_no_more():
    prod = LookedAt("prod", of(healthy(), "prod"))

    async def body(console):
        await console.show(of(healthy(), "train"))
        await console.until(lambda: prod.looks, "a look")
        await console.press("down", "full_stop")
        await console.until(lambda: console.cluster.names.cluster == "prod", "the other cluster")
        other = Console(prod, console.clock, console.app, console.pilot)
        await other.show(of(healthy(4), "prod"))
        assert "prod" in console.screen().splitlines()[1]
        train = console.app._clusters.named("train").screen
        await console.until(lambda: train._rounds.is_finished, "the watch to end")
        cursor = train.body.nodes.table.cursor
        await console.press("comma")
        await console.until(lambda: console.cluster is train, "the way back")
        assert "train" in console.screen().splitlines()[1]
        assert "worker-1" in console.screen(), "what was known last is there at once"
        assert train.body.nodes.table.cursor == cursor != ""
        await console.show(of(healthy(), "train"))
        await console.press("full_stop")
        await console.until(lambda: console.cluster.names.cluster == "prod", "the other cluster again")
        await console.press("comma")
        await console.until(lambda: console.cluster is train, "the way back again")

    app = await run_several(body, entry("prod", prod))
    assert app.fault is None


async def test_leaving_the_console_closes_every_session():
    prod, train = LookedAt("prod", of(healthy(), "prod")), session_of("train")

    async def body(console):
        await console.show(of(healthy(), "train"))
        await console.until(lambda: prod.looks, "a look")
        await console.press("q")
        await console.until(lambda: prod.closed and train.closed, "both to be closed")

    await run_several(body, entry("prod", prod), front=train)


async def test_a_profile_that_cannot_be_read_is_a_question_mark_and_says_why_when_it_is_opened():
    broken = ConfigurationError("the API key is missing", hint="set CML_API_KEY")

    async def body(console):
        await console.show(of(healthy(), "train"))
        await console.until(lambda: "? prod  ● train" in first_line(console), "the mark")
        assert "API key" not in console.screen()
        await console.press("full_stop")
        await console.until(lambda: "the API key is missing" in console.screen(), "the sentence")
        await console.press("comma")
        await console.until(lambda: console.cluster.names.cluster == "train", "the way back")

    await run_several(body, entry("prod", broken))


async def test_a_cluster_that_hangs_holds_up_neither_the_one_in_front_nor_another():
    hangs = session_of("hangs")
    prod = LookedAt("prod", of(healthy(), "prod"))

    async def body(console):
        await console.show(of(healthy(), "train"))
        await console.until(lambda: "● prod" in first_line(console), "the look at the other")
        assert "· hangs" in first_line(console)
        await console.show(of(with_dead_worker(), "train"))

    await run_several(body, entry("hangs", hangs), entry("prod", prod))


async def test_two_profiles_of_one_cluster_are_one_tab():
    prod = LookedAt("prod", of(healthy(), "prod"))

    async def body(console):
        await console.show(of(healthy(), "train"))
        await console.until(lambda: "● prod" in first_line(console), "the look")
        await console.until(lambda: "also" not in first_line(console), "the double to go")

    double = Entry("also", "also", entry("prod", prod).open)
    await run_several(body, entry("prod", prod), double)


async def test_the_list_of_clusters_is_worst_first_and_enter_opens_one():
    prod = LookedAt("prod", of(with_dead_worker(), "prod"))

    async def body(console):
        await console.show(of(healthy(), "train"))
        await console.until(lambda: prod.looks, "a look")
        await console.press("C")
        await console.until(lambda: "raytui clusters" in console.screen(), "the list")
        rows = [line for line in console.screen().splitlines() if "DEGRADED" in line or "● OK  " in line]
        assert any("prod" in line and "worker-2" in line for line in rows)
        await console.until(lambda: console.app.screen.query_one("#rows").has_focus, "the rows")
        await console.press("enter")
        await console.until(lambda: console.cluster.names.cluster == "prod", "the cluster")

    await run_several(body, entry("prod", prod))


async def test_a_cluster_is_opened_by_its_name_in_the_palette():
    prod = LookedAt("prod", of(healthy(), "prod"))

    async def body(console):
        await console.show(of(healthy(), "train"))
        await console.press("colon", *"prod", "enter")
        await console.until(lambda: console.cluster.names.cluster == "prod", "the cluster")

    await run_several(body, entry("prod", prod))


async def test_keys_of_ones_own_turn_to_the_next_cluster_and_help_names_them_only_where_there_are_several():
    prod = LookedAt("prod", of(healthy(), "prod"))

    async def body(console):
        await console.show(of(healthy(), "train"))
        await console.press("question_mark")
        await console.until(lambda: "Go to the next cluster" in console.screen(), "help")
        await console.press("escape", "f9")
        await console.until(lambda: console.cluster.names.cluster == "prod", "the cluster")

    own = session_of("train", keys={"next-cluster": "f9"})
    await run_several(body, entry("prod", prod), front=own, size=(120, 140))


async def test_a_question_of_a_cluster_waits_on_its_own_screen():
    prod = LookedAt("prod", of(healthy(), "prod"))

    async def body(console):
        await console.show(of(healthy(), "train"))
        train = console.cluster
        await console.press("full_stop")
        await console.until(lambda: console.cluster.names.cluster == "prod", "the other cluster")
        train._action_stop()
        await console.until(lambda: len(console.app.get_screen_stack(train.mode)) == 2, "the question")
        assert console.app.screen is console.cluster
        await console.press("comma")
        await console.until(lambda: "Stop train?" in console.screen(), "the question in front")

    await run_several(body, entry("prod", prod))


async def test_a_changed_verdict_rings_and_runs_the_command_of_its_profile(tmp_path, monkeypatch):
    rung = []
    monkeypatch.setattr(RaytuiApp, "bell", lambda self: rung.append(1))
    there = tmp_path / "reported"
    session = session_of("train", bell=True, notify=f"sh -c 'cat > {there}.new; mv {there}.new {there}'")

    async def body(console):
        await console.show(of(healthy(), "train"))
        for second in (2, 4, 8):
            seen = of(with_dead_worker(), "train")
            await console.show(msgspec.structs.replace(seen, observed_at=values.NOW + second))
        await console.until(there.exists, "the command")
        assert '"verdict":"degraded"' in there.read_text()

    await run_several(body, front=session)
    assert rung == [1]


async def test_a_command_that_cannot_be_run_is_said_in_the_console():
    session = session_of("train", notify="/nowhere/page-me")

    async def body(console):
        await console.show(of(healthy(), "train"))
        for second in (2, 8):
            seen = of(with_dead_worker(), "train")
            await console.show(msgspec.structs.replace(seen, observed_at=values.NOW + second))
        await console.until(lambda: "/nowhere/page-me cannot be run" in console.screen(), "the sentence")

    await run_several(body, front=session, size=(160, 40))


MARKS = tuple(TabMark(f"cluster-{n}", "●", "ok", n == 9) for n in range(30))


@pytest.mark.parametrize("width", [20, 40, 80, 120, 500])
def test_the_line_fits_and_the_one_in_front_is_always_there(width):
    line, places = tabs_line(MARKS, width, ". , next")
    assert line_cells(line) <= width
    text = "".join(part for part, _ in line)
    assert "cluster-9" in text
    for low, high, name in places:
        assert width == 20 or text[low:high].strip() == f"● {name}"
    assert ("more" in text) == (20 < width < 500)


def test_a_name_that_is_long_or_odd_is_cut_and_moves_nothing():
    line, _ = tabs_line([TabMark("x" * 300, "●", "ok", True), TabMark("a\x1b[2Jb\nc", "✗", "error")], 80)
    text = "".join(part for part, _ in line)
    assert "\x1b" not in text
    assert "\n" not in text
    assert line_cells(line) <= 80
