"""Every key of the table is pressed where it works, and does what it says; at this width each stands in the bar.

A key that is added to the table and not here fails the last line of its place.
"""

from __future__ import annotations

import msgspec

from raytui.config.keys import BY_ID, KEY_SETTINGS
from raytui.core.observed.snapshot import Reading
from raytui.tui.commands import Palette
from raytui.tui.keys import GOES, bar
from raytui.tui.screens.confirm import ConfirmScreen
from raytui.tui.screens.help import HelpScreen
from raytui.tui.screens.job_form import JobFormScreen
from raytui.tui.screens.log import LogScreen
from raytui.tui.screens.sources import SourcesScreen
from raytui.tui.screens.stop_jobs import StopJobsScreen
from raytui.tui.screens.story import StoryScreen
from raytui.tui.widgets.key_bar import KeyBar
from tests.tui.conftest import healthy, run_console, with_dead_worker
from tests.tui.fakes import FakeSession
from tests.tui.test_rows import ACTORS, JOBS, world
from tests.tui.test_tables import is_at, opened
from tests.unit.core.values import NOW

WIDE = (260, 60)


def broken():
    """A dead worker, with jobs and actors."""
    return msgspec.structs.replace(
        with_dead_worker(), jobs=Reading(JOBS, at=NOW, total=3), actors=Reading(ACTORS, at=NOW, total=15)
    )


class Walk:
    """Presses the keys of one place, and knows which were pressed."""

    def __init__(self, console, place):
        self.console, self.place, self.pressed = console, place, set()

    async def does(self, identity, effect, *, back=()):
        """Press a key, wait for its effect, and go back."""
        assert self.place in BY_ID[identity].where
        assert not effect(), f"what {identity} does in {self.place} is so before it is pressed"
        await self.console.press(BY_ID[identity].keys.partition(",")[0])
        await self.console.until(effect, f"what {identity} does in {self.place}")
        self.pressed.add(identity)
        if back:
            await self.console.press(*back)

    async def opens(self, identity, screen, check=lambda _: True):
        """Press a key that opens a screen over this one, which `check` is asked about, and leave it."""
        below = self.console.app.screen
        app = self.console.app
        await self.does(identity, lambda: isinstance(app.screen, screen) and app.screen.is_mounted)
        assert check(app.screen)
        app.screen.dismiss(None)
        await self.console.until(lambda: app.screen is below, "the screen below")

    def shows(self, *missing):
        """The bar shows the keys of this place, but those that mean nothing here."""
        text = self.console.app.screen.query_one(KeyBar).text
        for key in bar(self.place):
            assert (key.written in text.split()) is (key.id not in missing), (key.id, text)

    def all_pressed(self, *elsewhere):
        """Every key of this place was pressed, but those whose own tests press them."""
        assert self.pressed | set(elsewhere) == {setting.id for setting in KEY_SETTINGS if self.place in setting.where}


def is_prompt(console):
    return lambda: bool(console.app.screen.query("#prompt"))


async def test_keys_that_work_anywhere():
    async def body(console):
        await console.show(world())
        walk = Walk(console, "anywhere")
        app, cluster = console.app, console.cluster
        for identity, kind in GOES.items():
            if kind not in {"cluster", "log"}:
                await walk.does(identity, lambda kind=kind: is_at(console, kind))
        await walk.does("cluster", lambda: app.screen is cluster)
        await walk.does("log", lambda: isinstance(app.screen, LogScreen | SourcesScreen))
        for _ in range(5):
            if app.screen is not cluster:
                await console.press("escape")
        await console.until(lambda: app.screen is cluster, "the cluster")
        cluster.body.nodes.table.focus()
        await console.pilot.pause()
        before = cluster.focused
        await walk.does("next-pane", lambda: cluster.focused is not before)
        await walk.opens("palette", Palette)
        await walk.opens("help", HelpScreen)
        await walk.does("quit", lambda: not app.is_running or app._exit)
        # Several clusters have a test file of their own, and a process that stops has a terminal in test_run.
        walk.all_pressed("next-cluster", "previous-cluster", "clusters", "suspend")

    await run_console(body, size=WIDE)


async def test_keys_of_the_clusters_screen_and_of_its_table():
    async def body(console):
        await console.show(healthy())
        app, cluster, body = console.app, console.cluster, console.cluster.body
        walk, table = Walk(console, "cluster"), Walk(console, "table")
        table.shows()
        await walk.does("start", lambda: "start has nothing to do" in console.screen())
        await walk.does("dismiss", lambda: "start has nothing to do" not in console.screen())
        await walk.opens("stop", ConfirmScreen, lambda screen: screen.plan.verb == "stop")
        await walk.opens("scale-up", ConfirmScreen, lambda screen: "worker-3" in str(screen.plan))
        await walk.opens("scale-down", ConfirmScreen, lambda screen: screen.plan.verb == "scale")
        await walk.does("events", lambda: body.has_class("-events"), back=("escape",))
        assert not body.has_class("-events")
        await walk.does("filter", is_prompt(console), back=("escape",))
        await walk.does("config", lambda: body.place == "config", back=("escape",))
        await console.until(lambda: body.place == "table", "the table")
        walk.all_pressed()

        await console.press("down")
        await table.opens("restart", ConfirmScreen, lambda screen: screen.plan.verb == "restart")
        before = [row.key for row in body.nodes.table.rows[:3]]
        await console.press("o")
        await table.does("order", lambda: [row.key for row in body.nodes.table.rows[:3]] != before)
        await table.does("logs", lambda: body.place == "logs" and body.logs.source != "")
        table.all_pressed()
        assert app.screen is cluster

    await run_console(body, size=WIDE)


async def test_keys_of_what_needs_attention():
    async def body(console):
        await console.show(broken())
        body, walk = console.cluster.body, Walk(console, "attention")
        body.attention.body.focus()
        await console.pilot.pause()
        walk.shows()
        await walk.opens("story", StoryScreen)
        await walk.does("cause-log", lambda: body.logs.source == "worker-2" and body.place == "logs")
        walk.all_pressed()

    session = FakeSession()
    session.logs.batches = {
        "head": [["up"]],
        "worker-2": [["[2026-11-24 17:02:11,456 E 1 1] (raylet) a.cc:1: SIGKILL"]],
    }
    await run_console(body, session, size=WIDE)


async def log_keys(console, walk, logs):
    """The keys of the log beside the cluster; the screen of a log has a test file of its own."""
    view = logs.view
    await walk.opens("sources", SourcesScreen)
    await console.until(lambda: view.following, "the end of the log")
    await walk.does("follow", lambda: not view.following)
    await walk.does("find", is_prompt(console))
    console.app.screen.query_one("#prompt").field.value = "step"
    await console.press("enter")
    await console.until(lambda: view.is_searching and not console.app.screen.query("#prompt"), "the search")
    view.focus()
    await console.pilot.pause()
    for identity in ("previous", "next"):
        found = view.found
        await walk.does(identity, lambda found=found: view.found != found)


async def test_keys_of_the_log_beside_the_cluster():
    async def body(console):
        await console.show(world())
        logs, walk = console.cluster.body.logs, Walk(console, "logs")
        await console.until(lambda: logs.view.total, "the log")
        logs.view.focus()
        await console.pilot.pause()
        walk.shows("next")
        await log_keys(console, walk, logs)
        walk.shows()
        walk.all_pressed()

    session = FakeSession()
    session.logs.batches["head"] = [[f"{'step' if n % 90 == 0 else 'line'} {n}" for n in range(500)]]
    await run_console(body, session, size=WIDE)


async def test_keys_of_the_form():
    async def body(console):
        await console.show(healthy())
        await console.press("e")
        await console.until(lambda: console.cluster.body.place == "config", "the form")
        walk = Walk(console, "config")
        walk.shows()
        field = console.app.focused
        before = field.value
        await console.press("end", "1")
        assert field.value != before
        await walk.does("reset", lambda: field.value == before)
        await walk.does("plan", lambda: "start has nothing to do" in console.screen())
        walk.all_pressed()

    await run_console(body, size=WIDE)


async def back_to(console, screen):
    """Leave what was opened over a list."""
    while console.app.screen is not screen:
        await console.press("escape")


async def test_keys_of_lists():
    async def body(console):
        await console.show(world())
        walk = Walk(console, "list")
        app = console.app
        jobs = await opened(console, "jobs")
        walk.shows("its-processes", "its-bundles", "row-restart", "row-scale-up", "row-delete")
        await walk.does("details", lambda: jobs.details.display, back=("escape",))
        assert not jobs.details.display
        await walk.does("raw", lambda: jobs.details.display and jobs.details.is_raw, back=("escape",))
        await walk.does("mark", lambda: len(jobs.list.table.marked) == 1)
        await console.press("up")
        await walk.does("copy", lambda: app.clipboard == "train-7")
        await walk.does("dismiss", lambda: not jobs.list.table.marked)
        await walk.does("order", lambda: jobs.list.state.wish.order != "")
        ordered = jobs.list.state.wish.descending
        await walk.does("reverse", lambda: jobs.list.state.wish.descending is not ordered)
        await walk.does("filter", is_prompt(console), back=("escape",))
        await walk.opens("submit", JobFormScreen)
        jobs.list.table.put_cursor("train-7")
        await walk.opens("row-stop", StopJobsScreen)
        await walk.does("row-log", lambda: isinstance(app.screen, LogScreen))
        await back_to(console, jobs)
        for identity, kind in (("its-actors", "actors"), ("its-tasks", "tasks")):
            await walk.does(identity, lambda kind=kind: is_at(console, kind))
            await back_to(console, jobs)
        groups = await opened(console, "placement-groups")
        await walk.does("its-bundles", lambda: is_at(console, "bundles"))
        await back_to(console, groups)
        nodes = await opened(console, "nodes")
        await walk.does("its-processes", lambda: is_at(console, "workers"))
        await back_to(console, nodes)
        apps = await opened(console, "apps")
        apps.list.table.put_cursor("worker-1")
        await console.press("down")
        await walk.opens("row-restart", ConfirmScreen, lambda screen: screen.plan.verb == "restart")
        await walk.opens("row-scale-up", ConfirmScreen, lambda screen: screen.plan.verb == "scale")
        await walk.opens("row-scale-down", ConfirmScreen, lambda screen: screen.plan.verb == "scale")
        # The end of a Serve application has a test file of its own.
        walk.all_pressed("row-delete")

    session = FakeSession()
    session.logs.batches["job/train-7"] = [["step 1"]]
    await run_console(body, session, size=WIDE)
