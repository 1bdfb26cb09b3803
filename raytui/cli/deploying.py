"""`deploy`: the one command from an API key to a running cluster."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterator
from contextlib import aclosing
from typing import NamedTuple

import click
import msgspec

from raytui.bootstrap import access_problems, open_deployment, with_project
from raytui.cli.invocation import Invocation, seconds
from raytui.cli.progress import Progress, on_interrupt
from raytui.cli.sizes import size_flags, size_options
from raytui.cli.verb import pass_invocation, verb
from raytui.config.settings import Settings
from raytui.core.errors import ConfigurationError, Problem
from raytui.core.events import StepEvent
from raytui.core.permission import require_changeable
from raytui.core.remedy import as_commands
from raytui.core.report import SCHEMA_VERSION
from raytui.core.spec import ClusterSpec

_INSIDE = "CDSW_"
"""Prefix of what a workload has by itself: nobody set it to be used here."""


class Target(NamedTuple):
    """The project that is meant."""

    project: str = ""
    """One that exists, by name or id; empty when one is to be found or made by its name."""
    name: str = ""
    git_url: str = ""
    branch: str = ""


@verb(
    "deploy",
    short_help="Put a project on a workbench and start its cluster.",
    examples="raytui deploy\nraytui deploy --project train --workers 2 --cpu 4 --memory 16\n"
    "raytui deploy --github-repo acme/ray-project\nraytui deploy --dry-run",
)
@click.option("--cml-host", metavar="URL", help="Address of the workbench (or CML_HOST).")
@click.option("--cml-api-key-file", metavar="FILE", help="File with the API v2 key, mode 0600 (or CML_API_KEY).")
@click.option("--github-repo", metavar="OWNER/NAME", help="Repository that a new project is cloned from.")
@click.option("--branch", metavar="NAME", default="", help="Branch of it; the default one when left out.")
@click.option("--project-name", metavar="NAME", help="Name of a new project; the repository's when left out.")
@size_options
@click.option("--timeout", metavar="SECONDS", help="How long the cluster may take to come up (default 600).")
@click.option("--dry-run", is_flag=True, help="Name the project, the jobs and the images, and change nothing.")
@pass_invocation
def deploy(
    invocation: Invocation,
    /,
    *,
    cml_host: str | None,
    cml_api_key_file: str | None,
    github_repo: str | None,
    branch: str,
    project_name: str | None,
    timeout: str | None,
    dry_run: bool,
    **sizes: object,
) -> int:
    """Take the project, upload what the jobs need, set its environment up, launch the cluster.

    The project is the one of --project or CML_PROJECT_ID, by name or id; or a new one, with --github-repo or
    --project-name, which is found again by its name. Run it again to go on.
    """
    limit = seconds("timeout", timeout, 600.0) or 600.0
    require_changeable("deploy", invocation.settings().platform, read_only=bool(invocation.read_only))
    flags = {"platform": "cai", "host": cml_host, "api_key_file": cml_api_key_file, **size_flags(sizes)}
    settings = invocation.settings(flags)
    target = _target(invocation, settings, github_repo=github_repo, branch=branch, project_name=project_name)
    if target.project:
        settings = with_project(settings)
        target = target._replace(project=settings.project_id)
    progress = Progress(invocation.diagnostics)
    steps: list[StepEvent] = []

    async def run() -> tuple[bool, str, ClusterSpec]:
        deployment = await open_deployment(
            settings,
            project_id=target.project,
            project_name=target.name,
            git_url=target.git_url,
            branch=target.branch,
            timeout=limit,
        )
        task = asyncio.current_task()
        assert task is not None
        with on_interrupt(task.cancel):
            try:
                if dry_run:
                    steps.extend(await deployment.preview())
                    return True, deployment.project_id, deployment.spec
                async with aclosing(deployment.run()) as events:
                    async for event in events:
                        progress.tell(event)
                        _tell_begun(invocation, progress, changed=deployment.changed)
            finally:
                progress.close()
                await deployment.close()
        return deployment.changed, deployment.project_id, deployment.spec

    try:
        changed, project_id, spec = asyncio.run(run())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    steps = steps or list(progress.steps.values())
    following = [] if dry_run else _next(invocation, settings, project_id, spec)
    if invocation.output.json:
        document = {
            "schema_version": SCHEMA_VERSION,
            "changed": changed,
            "phase": "unknown" if dry_run else "running",
            "steps": [msgspec.structs.asdict(step) for step in steps],
            "cluster": spec.name,
            "project_id": project_id or None,
            "next": following,
        }
        invocation.output.document(document)
        return 0
    invocation.output.lines(
        [f"{step.step}: {step.state}" + (f", {step.message}" if step.message else "") for step in steps]
    )
    invocation.output.lines(["", *following] if following else [])
    return 0


def _target(
    invocation: Invocation, settings: Settings, *, github_repo: str | None, branch: str, project_name: str | None
) -> Target:
    """The project that is meant.

    Raises `ConfigurationError` with every problem; what is set and not used is reported.
    """
    made = project_name or (github_repo or "").rstrip("/").rpartition("/")[2].removesuffix(".git")
    problems = list(_problems(settings, github_repo))
    if not made and not settings.project_id:
        how = "--github-repo OWNER/NAME makes one; or name one that exists with --project or CML_PROJECT_ID"
        missing = [problem for problem in access_problems(settings) if problem.field == "project_id"]
        seen = missing[0].hint if missing and not problems else ""
        listing = as_commands(seen).rpartition("(its name or id); ")[2]
        hint = f"{how}; {listing}" if listing else how
        problems.append(Problem("github_repo", "neither a repository nor a project is named", hint))
    if made and invocation.project:
        problems.append(
            Problem("--project", "names a project that exists, and the other flags one to be made", "give one of them")
        )
    if problems:
        raise ConfigurationError.from_problems(problems, "deploy")
    origin = settings.origins.get("project_id", "default")
    named_by = "--project-name" if project_name else "--github-repo"
    if made and settings.project_id and not origin.startswith(_INSIDE):
        unused = f"{origin} names the project {settings.project_id} and is not used"
        invocation.diagnostics.warning(f"{unused}: {named_by} names {made}")
    if branch and not github_repo:
        invocation.diagnostics.warning("--branch is not used: no repository is named")
    if not made:
        return Target(project=settings.project_id)
    return Target(name=made, git_url=git_url(github_repo), branch=branch if github_repo else "")


def _problems(settings: Settings, github_repo: str | None) -> Iterator[Problem]:
    if not settings.host:
        yield Problem("host", "the address of the workbench is missing", "--cml-host URL, or set CML_HOST")
    if not settings.api_key:
        yield Problem("api_key", "the API key is missing", "set CML_API_KEY, or --cml-api-key-file FILE with mode 0600")
    if github_repo and "@" in github_repo.partition("://")[2].partition("/")[0]:
        yield Problem(
            "github_repo",
            "the git URL holds a user name or token",
            "give it without: the workbench keeps git URLs in clear text",
        )


def git_url(repo: str | None) -> str:
    """The address to clone: OWNER/NAME is GitHub's, anything else is taken as it is."""
    if not repo:
        return ""
    plain = repo.count("/") == 1 and ":" not in repo and not repo.startswith((".", "/"))
    return f"https://github.com/{repo.removesuffix('.git')}.git" if plain else repo


def _next(invocation: Invocation, settings: Settings, project_id: str, spec: ClusterSpec) -> list[str]:
    """The lines to copy next; the key is where it was."""
    named = [
        word
        for flag, value in (("--config", invocation.config), ("-p", invocation.profile))
        if value
        for word in (flag, value)
    ]
    named += ["--cluster", spec.name] if spec.name != ClusterSpec().name else []
    by_hand = {"CML_HOST": settings.host, "CML_PROJECT_ID": project_id}
    origins = {"CML_HOST": settings.origins.get("host"), "CML_PROJECT_ID": settings.origins.get("project_id")}
    lacking = [
        f"{name}={shlex.quote(value)}"
        for name, value in by_hand.items()
        if origins[name] != name or (name == "CML_PROJECT_ID" and settings.project_id != project_id)
    ]
    file, by_flag, _ = settings.origins.get("api_key", "").partition(" (flag")
    verbs = (
        ("", "the console"),
        ("status", "what is broken, since when, what to do"),
        ("stop", "ends the cluster; raytui start makes it again as it was deployed"),
    )
    commands = [
        (shlex.join(["raytui", *named, *([verb_name] if verb_name else [])]), purpose) for verb_name, purpose in verbs
    ]
    width = max(len(command) for command, _ in commands)
    return [
        *([f"export {' '.join(lacking)}"] if lacking else []),
        *([f'export CML_API_KEY="$(cat {shlex.quote(file)})"'] if by_flag else []),
        *(f"{command:<{width}}   # {purpose}" for command, purpose in commands),
    ]


def _tell_begun(invocation: Invocation, progress: Progress, *, changed: bool) -> None:
    """What an interrupted deploy leaves: nothing of it is undone, and a job goes on in the workbench."""
    if not changed and all(step.state == "failed" for step in progress.steps.values()):
        # It was refused before anything was made.
        invocation.diagnostics.began("")
        return
    done = [step.step for step in progress.steps.values() if step.state == "done"]
    open_step = [
        f"{step.step} (under way, may go on in the workbench)"
        for step in progress.steps.values()
        if step.state == "running"
    ]
    invocation.diagnostics.began(
        f"the deploy had begun: {', '.join([*done, *open_step])}; nothing of it was undone",
        shown_by="run the same deploy again, it goes on from there; raytui status shows what exists",
    )
