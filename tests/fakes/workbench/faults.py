"""Every fault of the test workbench: one field, one switch.

The table is data: `--help`, `GET /_test/faults` and the refusal of unknown names all come from it. Durations are
seconds. A value of 0 (or an empty word) means that the fault is off, unless the field says otherwise.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

WAYS = (
    "500_before",
    "500_after",
    "429",
    "502_before",
    "502_after",
    "reset_before",
    "reset_after",
    "withheld_before",
    "withheld_after",
    "login",
    "html",
    "truncated",
    "twice",
)
"""The ways of failing that `errors` draws from. `_before`: nothing was done; `_after`, `truncated`, `twice`: the work
was done."""

LATE = "late"
"""A gateway's 504 comes first, the work is done `late_seconds` later. Only on demand (`fail_how=late`,
`ambiguous_create`)."""


EXPIRES = "expires"
"""From this request on every key is refused with 401, as when a key expires in the middle of something. Only on
demand (`fail_how=expires`)."""


class UnknownFault(ValueError):
    """A fault was named that does not exist, or its value has the wrong form."""


def _fault(default: Any, doc: str) -> Any:
    return field(default=default, metadata={"doc": doc})


@dataclass
class Faults:
    """The faults in force; the server reads them at each decision, so a change holds at once."""

    errors: float = _fault(
        0.0, "share of API requests that fail, mixed over every way of failing; that share of deletes is slow too"
    )
    fail_request: int = _fault(0, "fail exactly the N-th API request from now (1 = the next)")
    fail_how: str = _fault("500_before", "how fail_request fails: " + ", ".join((*WAYS, LATE, EXPIRES)))
    fail_operation: str = _fault("", "fail_request counts only requests of this operationId, e.g. CreateApplication")
    kill_pid: int = _fault(0, "the client that kill_pid_before and kill_pid_after end with SIGKILL")
    kill_pid_before: int = _fault(
        0, "SIGKILL kill_pid when the N-th API request from now has arrived; it is not carried out"
    )
    kill_pid_after: int = _fault(
        0, "SIGKILL kill_pid when the N-th API request from now was carried out, before it is answered"
    )
    withhold: float = _fault(2.0, "how long a withheld answer is withheld before a gateway's 504 takes its place")
    late_seconds: float = _fault(0.5, "how long after its 504 a late request is carried out")
    retry_after: float = _fault(0.0, "Retry-After of a 429; 0 leaves the header out")
    slow: float = _fault(0.0, "delay of every API answer")
    slow_delete: float = _fault(0.0, "how long a deleted application stays in the list after its processes ended")
    slow_stop: float = _fault(0.0, "how long a stopped application stays STOPPING after its processes ended")
    list_lag: float = _fault(
        0.0, "creates and deletes of applications show in lists and gets only so long after they were carried out"
    )
    stuck_stop: str = _fault(
        "",
        "applications that stay STOPPING once they are stopped: 1 for all, or name patterns between commas; a DELETE frees them unless stuck_delete matches too",
    )
    stuck_delete: str = _fault(
        "", "applications that stay in the list once they are deleted: 1 for all, or name patterns between commas"
    )
    stop_grace: float = _fault(10.0, "time between SIGTERM and SIGKILL on stop")
    sigkill_only: bool = _fault(False, "no SIGTERM before SIGKILL on stop")
    page_size: int = _fault(10, "entries of a page when the caller names no page_size")
    page_limit: int = _fault(0, "a page never holds more than N entries, whatever the caller asks; 0 = no limit")
    repeat_token: bool = _fault(False, "lists answer the same next_page_token for ever")
    start_seconds: float = _fault(0.0, "time between create and the start of the script (with --stub: until RUNNING)")
    start_timeout: float = _fault(900.0, "an application that does not answer its polls for so long becomes FAILED")
    endless_start: str = _fault(
        "", "applications that stay STARTING for ever: 1 for all, or name patterns like *-worker-2"
    )
    quota: bool = _fault(False, "workloads wait in STARTING (job runs in SCHEDULING) without an error")
    quota_cpu: float = _fault(0.0, "workloads wait while the running ones would exceed so many CPUs; 0 = no limit")
    auto_restart: bool = _fault(True, "the platform restarts FAILED applications by itself, up to 3 times")
    restart_interval: float = _fault(300.0, "time between FAILED and the automatic restart")
    restart_refused: bool = _fault(False, ":restart of a stopped or failed application answers 400")
    orphan_on_restart: bool = _fault(False, ":restart during STARTING leaves the old engine running, owned by nobody")
    end_status: str = _fault("stopped", "what an application becomes whose script returns: stopped or failed")
    duplicate: bool = _fault(
        False, "names and subdomains may repeat, and a create whose answer was lost is carried out twice"
    )
    ambiguous_create: bool = _fault(
        False, "every create of an application or a run answers 504 and is carried out late_seconds afterwards"
    )
    missing_script: str = _fault(
        "",
        "create with a script that is not there: refuse, fail (accepted, ends FAILED), ignore; default refuse, with --stub ignore",
    )
    older_status: bool = _fault(False, "older status words: bare lower case (running), projects say failed")
    visibility: float = _fault(
        0.0, "a file becomes visible so long after it was written: to the API, and between the API and workloads"
    )
    rename_onto: str = _fault(
        "refuse",
        "what moving a file onto an existing one does: refuse, replace, or absent (files cannot be moved at all)",
    )
    folder_full: bool = _fault(False, "project folders are full: uploads answer 500, no space left on device")
    upload_fails: bool = _fault(False, "uploads answer 200 and store nothing")
    shm_mb: int = _fault(
        0, "size of a workload's /dev/shm; 0 = the project's shared_memory_limit, else 64; -1 = the machine's"
    )
    oom: bool = _fault(False, "/usage says that engines ended by SIGKILL ran out of memory")
    sidecar: bool = _fault(
        False,
        "an Envoy sidecar: readiness on port 15021, connects from Python always succeed, joined raylets are dropped",
    )
    sidecar_drop: float = _fault(15.0, "with sidecar: how long a joined raylet lives")
    clone_fails: bool = _fault(False, "projects made from git end with creation_status failure")
    clone_seconds: float = _fault(0.3, "how long a project stays in creation_status creating")
    git_source: str = _fault(
        "", "path cloned in place of any git URL that is not on this machine; default the working directory"
    )
    no_runtimes: bool = _fault(False, "the list of runtimes is empty and every runtime is refused")
    no_gpu: bool = _fault(False, "no accelerator labels exist")
    current_gpus: str = _fault(
        "used",
        "what current_gpu_count of an accelerator label counts, which nobody has confirmed: used or present ones",
    )
    usage_own: bool = _fault(False, "/usage lists the caller's own workloads only")
    stub_jobs: bool = _fault(False, "job runs execute nothing and succeed after start_seconds")
    job_fails: bool = _fault(False, "every job run fails when its script ends (or at once with stub_jobs)")
    key_invalid: bool = _fault(False, "every key is refused with 401")
    wrong_audience: bool = _fault(False, "every key lacks the audience API: 403, from validate_key too")
    read_only: bool = _fault(False, "every key may only read: 403 on anything that changes something")
    view_only: str = _fault("", "projects in which the user may only look: 1 for all, or name patterns between commas")
    admin_key: bool = _fault(False, "the key may read workloads/executions")
    expired_login: bool = _fault(False, "every API request is redirected to a login page that ends in 200 HTML")
    authorization_passes: bool = _fault(False, "the ingress hands the Authorization header on to the application")

    def update(self, changes: dict[str, Any]) -> None:
        """Set the named faults; `null` resets one to its default. Raises UnknownFault before anything is changed."""
        known = {entry.name: entry for entry in fields(self)}
        parsed: dict[str, Any] = {}
        for name, value in changes.items():
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                raise UnknownFault(f"unknown fault {name!r}" + (f", did you mean {near[0]!r}?" if near else ""))
            parsed[name] = known[name].default if value is None else _parse(name, known[name].default, value)
        for name, value in parsed.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        """Names and values of all faults."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}


def parse_words(words: list[str]) -> dict[str, str]:
    """`NAME=VALUE` words, as on the command line, to a mapping for `Faults.update`."""
    changes = {}
    for word in words:
        name, sign, value = word.partition("=")
        changes[name.strip().replace("-", "_")] = value if sign else "1"
    return changes


def table() -> str:
    """One line for each fault: name, default, meaning."""
    rows = [f"  {entry.name}={_show(entry.default):<10} {entry.metadata['doc']}" for entry in fields(Faults)]
    return "\n".join(rows)


def _show(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _parse(name: str, default: Any, value: Any) -> Any:
    text = str(value).strip()
    try:
        if isinstance(default, bool):
            parsed: Any = {
                "1": True,
                "true": True,
                "yes": True,
                "on": True,
                "0": False,
                "false": False,
                "no": False,
                "off": False,
                "": False,
            }[text.lower()]
        elif isinstance(default, int):
            parsed = int(text or "0")
        elif isinstance(default, float):
            parsed = float(text or "0")
        else:
            parsed = "" if text == "0" else text
    except (KeyError, ValueError):
        raise UnknownFault(f"fault {name}: {value!r} is not a {type(default).__name__}") from None
    choices = {
        "fail_how": (*WAYS, LATE, EXPIRES),
        "end_status": ("stopped", "failed"),
        "missing_script": ("", "refuse", "fail", "ignore"),
        "rename_onto": ("refuse", "replace", "absent"),
        "current_gpus": ("used", "present"),
    }.get(name)
    if choices is not None and parsed not in choices:
        raise UnknownFault(f"fault {name}: {value!r} is none of {', '.join(filter(None, choices))}")
    return parsed


def matches(pattern: str, name: str) -> bool:
    """Whether a fault is on for what has this name: 1 is for all, else any of the patterns between commas."""
    return pattern == "1" or any(fnmatchcase(name, part.strip()) for part in pattern.split(",") if part)
