"""What the pictures show: each scene runs the console, does what an operator does, and takes what is painted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from functools import partial

from rich.console import RenderableType

from raytui.core.clusters import Entry, Opened
from raytui.core.events import StepEvent
from raytui.core.observed.snapshot import Snapshot
from raytui.core.plan import Plan
from raytui.tui.app import RaytuiApp
from raytui.tui.panes.capacity import CapacityPane
from raytui.tui.screens.confirm import ConfirmScreen
from raytui.tui.screens.log import LogScreen
from raytui.tui.screens.sources import SourcesScreen
from tests.tui.conftest import Console
from tests.tui.fakes import Clock, FakeManager, FakeSession, as_session
from tests.tui.pictures import recorded
from tests.tui.pictures.recorded import AFTER, AGAIN, BEFORE, whole
from tests.tui.pictures.svg import film, painted, picture

LOADS = (2.0, 3.5, 1.0, 4.0, 6.0, 5.0, 8.0, 3.0, 2.5, 4.5)
"""Percent of CPU above what was recorded, round by round: all that these answers do not tell is how it changes."""
Scene = Callable[[], Awaitable[str]]


class StepByStep(FakeManager):
    """Carries out a plan as slowly as a scene wants."""

    def __init__(self, session: FakeSession) -> None:
        super().__init__(session.monitor, session.settings)
        self.steps: asyncio.Queue[StepEvent | None] = asyncio.Queue()

    async def execute(self, plan: Plan, *, wait: bool = True, timeout: float = 600.0) -> AsyncGenerator[StepEvent]:
        self.executed.append(plan)
        while (event := await self.steps.get()) is not None:
            yield event


def session_of(profile: str = "prod", name: str = recorded.CLUSTER) -> FakeSession:
    """A session with the recorded logs."""
    session = FakeSession(recorded.settings(profile, name))
    session.manager = StepByStep(session)
    session.logs.batches = {
        "head": [recorded.launcher_log(0)],
        "worker-1": [recorded.launcher_log(1)],
        "worker-2": [recorded.launcher_log(2, ended=True)],
        "worker-1/raylet.out": [recorded.raylet_log()],
        "job/lab-exc": [recorded.job_log()],
    }
    return session


async def run(
    body: Callable[[Console], Awaitable[None]],
    size: tuple[int, int],
    session: FakeSession | None = None,
    others: tuple[Entry, ...] = (),
) -> None:
    """Run the console until the scene is over."""
    session = session or session_of()
    clock = Clock(BEFORE + 1)
    app = RaytuiApp(session.settings, lambda: as_session(session), clock=clock, ascii_only=False, others=others)
    async with app.run_test(size=size) as pilot:
        await body(Console(session, clock, app, pilot))


async def shown(console: Console, snapshot: Snapshot) -> None:
    """Have a round shown, a second after it."""
    console.clock.now = snapshot.observed_at + 1
    await console.show(snapshot)
    for pane in console.cluster.query(CapacityPane):
        pane.draw()
    await drawn(console)


async def healthy_minutes(console: Console, *, failing: bool = False) -> None:
    """Rounds enough that the capacity has a past."""
    for n, load in enumerate(LOADS):
        await shown(console, whole(BEFORE - 30 * (len(LOADS) - 1 - n), failing=failing, load=load))


async def drawn(console: Console) -> None:
    """Wait until what is drawn in frames of their own is there: nothing changes any more."""
    before, now = "", console.screen()
    while before != now:
        for _ in range(2):
            await console.pilot.pause()
        before, now = now, console.screen()


def title_of(console: Console) -> str:
    """The terminal's title, as the console sets it."""
    return console.cluster.query_one("#verdict").title


async def first_minute() -> str:
    """A worker died: the verdict, the cause and what to do about it, with no key pressed."""
    size, made = (136, 36), []

    async def body(console: Console) -> None:
        await healthy_minutes(console)
        await shown(console, whole(AFTER, dead=True, failing=False))
        await console.until(lambda: "6 errors" in console.screen(), "the last words of the worker")
        await drawn(console)
        made.append(picture(painted(console.app), size, title_of(console)))

    await run(body, size)
    return made[0]


async def jobs() -> str:
    """The list of jobs with the details of one that failed."""
    size, made = (120, 30), []

    async def body(console: Console) -> None:
        await shown(console, whole(BEFORE))
        console.cluster.go("jobs")
        await console.until(lambda: console.app.screen is not console.cluster and console.app.focused, "the list")
        await console.press("down", "down", "enter")
        await console.until(lambda: "said 2" in console.screen(), "the details with their story")
        await drawn(console)
        made.append(picture(painted(console.app), size, title_of(console)))

    await run(body, size)
    return made[0]


async def logs() -> str:
    """Three logs merged by time, with their levels over time."""
    size, made = (120, 30), []

    async def body(console: Console) -> None:
        await shown(console, whole(AFTER + 20, dead=True))
        await console.press("8")
        await console.until(lambda: isinstance(console.app.screen, SourcesScreen), "the list of logs")
        await console.until(lambda: "5 logs" in console.screen(), "the logs there are")
        for name in ("worker-2", "worker-1/raylet.out", "head"):
            await console.press(*({"-": "minus", "/": "slash", ".": "full_stop"}.get(sign, sign) for sign in name))
            await console.press("tab", "ctrl+u")
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, LogScreen), "the log")
        page = console.app.screen.page
        await console.until(lambda: len(page.shown) and page.levels._counted, "the lines and their levels")
        await console.until(lambda: "6 error lines · 3 warnings · 36 lines" in console.screen(), "all of them")
        await console.press(*"EEEEE")
        await drawn(console)
        made.append(picture(painted(console.app), size, title_of(console)))

    await run(body, size)
    return made[0]


class LookedAt(FakeSession):
    """A session whose short looks are answered at once."""

    def __init__(self, name: str, snapshot: Snapshot) -> None:
        super().__init__(recorded.settings(name, name))
        self.snapshot = snapshot
        self.monitor.observe = self.observe  # type: ignore[method-assign]

    async def observe(self, questions: object = ()) -> Snapshot:
        return self.snapshot


def beside(name: str, snapshot: Snapshot) -> Entry:
    """A profile of another cluster."""
    session = LookedAt(name, snapshot)
    return Entry(
        name,
        name,
        lambda: Opened(session.settings, lambda: as_session(session), name, lambda _: beside(name, snapshot)),
    )


async def clusters() -> str:
    """Several clusters in one console: the worst first, as tabs and as a list."""
    size, made = (120, 14), []
    others = (
        beside("prod", whole(AFTER, dead=True, failing=False, cluster="prod")),
        beside("staging", whole(AFTER, failing=False, cluster="staging")),
        beside("dev", recorded.absent("dev")),
    )

    async def body(console: Console) -> None:
        await shown(console, whole(AFTER, failing=False, cluster="train"))
        await console.until(lambda: "▲ prod  ● train  ● staging  ○ dev" in console.screen(), "the others")
        await console.press("C")
        await console.until(lambda: "no application of cluster dev" in console.screen(), "the list")
        await drawn(console)
        made.append(picture(painted(console.app), size, title_of(console)))

    await run(body, size, session_of("train", "train"), others)
    return made[0]


class Film:
    """Frames of a running console."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.frames: list[tuple[RenderableType, float]] = []

    async def take(self, seconds: float) -> None:
        """What is painted now, for so long."""
        await drawn(self.console)
        self.frames.append((painted(self.console.app), seconds))


async def minute_on_call() -> str:
    """A worker dies, and one reads why, looks at its last words and restarts it."""
    size, made = (100, 28), []
    session = session_of()

    async def body(console: Console) -> None:
        reel = Film(console)
        session.logs.batches["worker-2"] = [recorded.launcher_log(2)]
        await shown(console, whole(BEFORE, failing=False))
        await console.until(lambda: "joining: GCS" in console.screen(), "the log of the head")
        await reel.take(2.5)
        session.logs.batches["worker-2"] = [recorded.launcher_log(2, ended=True)]
        await shown(console, whole(AFTER, dead=True, failing=False))
        await console.until(lambda: "6 errors" in console.screen(), "the last words of the worker")
        await reel.take(5)
        await console.press("down", "down")
        await reel.take(1)
        await console.press("l")
        await console.until(lambda: "f follow" in console.screen(), "its log to have the focus")
        await reel.take(3)
        await console.press("tab")
        await console.until(lambda: "r restart" in console.screen(), "the applications to have it again")
        await reel.take(1)
        await restarted(console, reel)
        made.append(film(reel.frames, size, "raytui"))

    await run(body, size, session)
    return made[0]


def is_told(console: Console, event: StepEvent) -> bool:
    """Whether the console knows of this progress."""
    operation = console.cluster.operation
    return operation is not None and any(step.event == event for step in operation.steps)


async def restarted(console: Console, reel: Film) -> None:
    """Press `r`, read the plan, confirm it and follow its steps until all is well."""
    console.clock.now += 9
    await shown(console, whole(AFTER + 10, dead=True, failing=False))
    await console.press("r")
    await console.until(lambda: isinstance(console.app.screen, ConfirmScreen) and console.app.focused, "the plan")
    await reel.take(4)
    await console.press("right")
    await reel.take(1)
    await console.press("enter")
    manager = console.session.manager
    assert isinstance(manager, StepByStep)
    await console.until(lambda: manager.executed, "the restart")
    for event, later in (
        (StepEvent("launchers written", "done", 0.3), 1),
        (StepEvent("worker applications restarted", "done", 1.4, "worker-2"), 1),
        (StepEvent("head answers", "done", 0.2), 1),
        (StepEvent("nodes alive", "running", 0.0, "2/3"), 6),
    ):
        manager.steps.put_nowait(event)
        await console.until(partial(is_told, console, event), event.step)
        await shown(console, whole(console.clock.now + later - 1, dead=True, failing=False))
        await reel.take(1)
    manager.steps.put_nowait(StepEvent("nodes alive", "done", 9.0, "3/3"))
    manager.steps.put_nowait(None)
    console.clock.now += 3
    console.session.logs.more["worker-2"].put_nowait(recorded.launcher_log(2, again=True))
    await console.until(lambda: not console.cluster.operation.is_running, "the end")
    await shown(console, whole(AGAIN, failing=False))
    await console.until(lambda: "16:53:28" in console.screen(), "the first words of the new run")
    await reel.take(2)
    await console.press("escape")
    await reel.take(3)


SCENES: Mapping[str, Scene] = {
    "first-minute.svg": first_minute,
    "jobs.svg": jobs,
    "logs.svg": logs,
    "clusters.svg": clusters,
    "minute-on-call.svg": minute_on_call,
}
"""How each file is drawn."""
