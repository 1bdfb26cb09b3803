"""What a deploy made beside the cluster itself, removed again: its two jobs and its folder."""

from __future__ import annotations

from raytui.platforms.cai.api.client import ApiClient
from raytui.platforms.cai.deploy import jobs
from raytui.platforms.cai.deploy.pipeline import FOLDER, JOB_SCRIPT
from raytui.platforms.cai.project.files import ProjectFiles


async def remove_deployed(client: ApiClient, files: ProjectFiles) -> tuple[str, ...]:
    """Remove the jobs that run a deploy's script, whatever they are called by now, and then its files.

    Answers what was removed. A job's runs end with it.
    """
    removed = []
    for entry in await client.pages("ListJobs", "jobs"):
        if entry.get("script") == JOB_SCRIPT:
            job_id, name = str(entry.get("id") or ""), str(entry.get("name") or "")
            run = await jobs.active(client, job_id, name)
            if run is not None:
                await jobs.stop(client, job_id, run.id, name)
            await jobs.delete(client, job_id, name)
            removed.append(f"job {name}")
    await files.delete(FOLDER)
    return (*removed, FOLDER)
