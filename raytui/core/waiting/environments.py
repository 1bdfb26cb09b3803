"""Runtime environments that are being set up: whose log is worth reading, and what it says of the step.

The agent of the node writes `runtime_env_setup-<job id>.log`: each command as it starts, its output once it has ended.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from raytui.core.observed.snapshot import Actor, Node
from raytui.core.observed.workload import EnvironmentSetup, Task
from raytui.core.units import sanitize

WAITS_S = 5.0
"""How long something must have waited before its environment is read about: most have theirs already."""
MOST_JOBS = 3
"""Jobs whose logs are read in one round."""
MOST_NODES = 4
"""Nodes that are looked at for one job's log: which node sets it up is not reported."""
MOST_CHARACTERS = 160
_LINE = re.compile(r"^(?P<at>\S+ \S+)\t(?P<level>[A-Z]+) (?P<source>\S+?):\d+ -- (?P<said>.*)$")
_COMMAND = re.compile(r"^Run cmd\[\d+\] (?P<words>.*)$")
_WORD = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_DONE = re.compile(r"Skip pip check|Pip check on .* successfully|Delete incomplete|Finished creating|Failed to ")
_PROSE = re.compile(r"^((?:Cloning|Creating|Installing)\b[^/]*?)(?: (?:to|at|with) |/|$)")
_PROGRAMS = frozenset({"conda", "uv", "pip"})


def log_name(job_id: str) -> str:
    """Ray's name of the log."""
    return f"runtime_env_setup-{job_id}.log"


def jobs_setting_up(tasks: Iterable[Task], actors: Iterable[Actor], now: float) -> tuple[str, ...]:
    """Ids of the jobs of which something that brings an environment has waited for a while, the first few."""
    jobs = [
        task.job_id
        for task in tasks
        if task.has_runtime_env
        and task.state == "PENDING_NODE_ASSIGNMENT"
        and not 0 <= now - (task.since or task.created_at) < WAITS_S  # one that lies ahead is of another clock
    ]
    jobs += [actor.job_id for actor in actors if actor.has_runtime_env and actor.state == "PENDING_CREATION"]
    return tuple(dict.fromkeys(job for job in jobs if job))[:MOST_JOBS]


def nodes_to_ask(nodes: Iterable[Node]) -> tuple[str, ...]:
    """The living nodes on which it may be: the head, on which jobs begin, and the first others."""
    living = sorted((node for node in nodes if node.state == "ALIVE"), key=lambda node: not node.is_head)
    return tuple(node.node_id for node in living[:MOST_NODES])


def setup_of(job_id: str, log: bytes) -> EnvironmentSetup | None:
    """What the end of a log says of a set-up that goes on; none when it has ended, well or not, or says nothing."""
    step, last, is_done = "", "", True
    for line in log.decode(errors="replace").splitlines():
        parsed = _LINE.match(line)
        said = sanitize(parsed["said"] if parsed is not None else line).strip()
        if not said:
            continue
        last = said
        if parsed is None:
            continue  # what a command printed
        is_done = _DONE.search(said) is not None
        command, prose = _COMMAND.match(said), _PROSE.match(said)
        if command is not None:
            step = _step(command["words"]) or step
        elif prose is not None:
            step = prose[1].strip().lower()
    return None if is_done else EnvironmentSetup(job_id, step, last_line=last[:MOST_CHARACTERS])


def _step(words: str) -> str:
    """`pip install` of a whole command line; empty for a command that a person would not know."""
    found = [one or other for one, other in _WORD.findall(words)]
    if "-m" in found:
        found = found[found.index("-m") + 1 :]
    elif not found or found[0].rpartition("/")[2] not in _PROGRAMS:
        return ""
    names = [word.rpartition("/")[2] if n == 0 else word for n, word in enumerate(found)]
    return " ".join([word for word in names if not word.startswith("-") and "/" not in word and "=" not in word][:2])
