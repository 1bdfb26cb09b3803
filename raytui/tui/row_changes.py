"""What a list can change: stop jobs, delete Serve applications, restart applications, scale groups.

Each is refused with its reason where nothing may be changed, and asks first with what it ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from raytui.core.errors import RaytuiError, RefusedForSafety
from raytui.core.observed.joined import Member
from raytui.core.observed.snapshot import Actor, Application, Job, Node
from raytui.core.observed.workload import RayWorker, ServeDeployment, Task
from raytui.core.permission import require_allowed, require_changeable
from raytui.core.session import Session
from raytui.core.spec import WORKER
from raytui.tui.faults import REPORT, unforeseen
from raytui.tui.operation import Notice, Request
from raytui.tui.render.job_stop import outcome
from raytui.tui.render.text import clean
from raytui.tui.row_calls import RowCalls
from raytui.tui.screens.delete_serve import DELETE, DeleteServeScreen
from raytui.tui.screens.job_form import JobFormScreen
from raytui.tui.screens.over import OverCluster
from raytui.tui.screens.stop_jobs import STOP, StopJobsScreen
from raytui.view.picture import Picture
from raytui.view.words import JOB_OVER

_VERBS = {
    "row-stop": "job stop",
    "row-delete": "serve delete",
    "submit": "job submit",
    "row-restart": "restart",
    "row-scale-up": "scale",
    "row-scale-down": "scale",
}


class RowChanges:
    """The changes that one list offers."""

    def __init__(self, screen: OverCluster, calls: RowCalls) -> None:
        self._screen = screen
        self._calls = calls

    def refused(self, identity: str) -> RefusedForSafety | None:
        """Why the key of this id may change nothing here; none when it may."""
        settings, verb = self._calls.settings, _VERBS[identity]
        try:
            if verb.startswith(("job ", "serve ")):
                # Neither is anybody's node: a cluster that is only watched takes them, too.
                require_allowed(verb, read_only=settings.read_only_asked)
            else:
                require_changeable(verb, settings.platform, read_only=settings.read_only)
        except RefusedForSafety as error:
            return error
        return None

    def stop_jobs(self, jobs: Sequence[Job]) -> None:
        """Stop those that run, after asking."""
        running = [job for job in jobs if job.status not in JOB_OVER]
        if self._is_refused("row-stop"):
            return
        if not running:
            ended = f"job {clean(jobs[0].id)} has ended" if len(jobs) == 1 else "all of these jobs have ended"
            self._calls.say(Notice("info", f"{ended} already"))
        elif self._screen.session is not None:
            stopping = self._stop(running, self._screen.session)
            # The app's, not the list's: one may leave the list while they stop.
            self._screen.app.run_worker(stopping, group="job stop", exit_on_error=False)

    def delete_serve(self, rows: Sequence[ServeDeployment]) -> None:
        """Delete the Serve applications of these rows, after asking."""
        names = list(dict.fromkeys(row.application for row in rows))
        if names and not self._is_refused("row-delete") and self._screen.session is not None:
            deleting = self._delete(names, self._screen.session)
            self._screen.app.run_worker(deleting, group="serve delete", exit_on_error=False)

    async def _delete(self, names: Sequence[str], session: Session) -> None:
        tell, shown = self._calls.say, ", ".join(map(clean, names))
        try:
            removal = await session.serve.plan(names)
            answer = await self._screen.app.push_screen_wait(DeleteServeScreen(removal, self._calls.settings))
            if answer != DELETE:
                return
            tell(Notice("info", f"Serve application {shown} is being deleted"))
            await session.serve.delete(removal)
        except RaytuiError as error:
            tell(Notice("error", error.message, error.hint))
        except Exception as error:  # noqa: BLE001 - boundary: a fault of one deletion must not end the console
            tell(Notice("error", f"{shown} was not deleted: {unforeseen(error)}", REPORT))
        else:
            tell(Notice("info", f"Serve application {shown} is gone"))

    def submit(self) -> None:
        """Submit a job, after asking for it in a form."""
        if not self._is_refused("submit") and self._screen.session is not None:
            submitting = self._submit(self._screen.session)
            self._screen.app.run_worker(submitting, group="job submit", exit_on_error=False)

    async def _submit(self, session: Session) -> None:
        request = await self._screen.app.push_screen_wait(JobFormScreen())
        if request is None:
            return
        tell = self._calls.say
        tell(Notice("info", f"submitting {clean(request.entrypoint)}"))
        try:
            identity = await session.jobs.submit(request, lambda said: tell(Notice("info", said)))
        except RaytuiError as error:
            tell(Notice("error", f"the job was not submitted: {error.message}", error.hint))
        except Exception as error:  # noqa: BLE001 - boundary: a fault of one submission must not end the console
            tell(Notice("error", f"the job was not submitted: {unforeseen(error)}", REPORT))
        else:
            tell(Notice("info", f"job {clean(identity)} is submitted; it stands in the list with the next look"))

    def restart(self, rows: Sequence[object], picture: Picture) -> None:
        """Restart the applications of these rows: one plan for all of them."""
        if self._is_refused("row-restart"):
            return
        found = [application_of(row, picture) for row in rows]
        names = list(dict.fromkeys(app.short for app in found if app is not None))
        if names:
            self._calls.request(Request("restart", target=",".join(names)))
        elif rows:
            self._no_application()

    def scale(self, row: object, picture: Picture, by: int) -> None:
        """One worker more or less in the group of a row; that of the head is the group `worker`."""
        if self._is_refused("row-scale-up") or row is None:
            return
        app = application_of(row, picture)
        if app is None:
            self._no_application()
            return
        group = app.group or WORKER
        count = sum((other.group or WORKER) == group for other in picture.known.workers)
        if by < 0 and not count:
            self._calls.say(Notice("info", f"the group {group} has no worker to take away"))
        else:
            self._calls.request(Request("scale", groups={group: count + by}))

    def _is_refused(self, identity: str) -> bool:
        refusal = self.refused(identity)
        if refusal is not None:
            self._calls.say(Notice("warning", refusal.message, refusal.hint))
        return refusal is not None

    def _no_application(self) -> None:
        self._calls.say(Notice("info", "no application of the cluster is known to run this: raytui cannot change it"))

    async def _stop(self, jobs: Sequence[Job], session: Session) -> None:
        screen = self._screen
        dialog = StopJobsScreen(jobs, self._calls.settings, screen)
        # Whoever is asked sees what ends: actors are counted from the next round on.
        asking = session.monitor.subscribe({"actors", "jobs", "nodes"})
        try:
            answer = await screen.app.push_screen_wait(dialog)
        finally:
            asking.close()
        if answer != STOP:
            return
        names = f"job {clean(jobs[0].id)}" if len(jobs) == 1 else f"{len(jobs)} jobs"
        self._calls.say(Notice("info", f"{names} is stopping" if len(jobs) == 1 else f"{names} are stopping"))
        ends = await asyncio.gather(*(_end_of(session, job) for job in jobs))
        self._calls.say(outcome(ends))


def application_of(row: object, picture: Picture) -> Application | None:
    """The application of a row of nodes or applications, or whose node a row lives on; none for a node of nobody."""
    if isinstance(row, Member):
        return row.application
    if isinstance(row, Actor | Task | RayWorker):
        node = picture.joined.node(row.node_id)
        return picture.joined.application_of(node) if node is not None else None
    if isinstance(row, Node):
        return picture.joined.application_of(row) or picture.joined.namesake(row)
    return None


async def _end_of(session: Session, job: Job) -> Job | RaytuiError:
    """The job once it has ended, or why it has not."""
    try:
        return await session.jobs.stop(job.id)
    except RaytuiError as error:
        return error
    except Exception as error:  # noqa: BLE001 - boundary: a fault of one stop must not hide the ends of the others
        return RaytuiError(f"job {job.id} could not be stopped: {unforeseen(error)}")
