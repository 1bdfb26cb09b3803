"""Serve a scripted dashboard until interrupted: `python -m tests.fakes.dashboard --nodes 5000 --actors 50000 --port 8265 --change 0.1`.

Prints the port on one line when everything is made and listens. With `--commands` every line of stdin changes what it does from
then on: `fail half` (any fault of the fake dashboard), `fail huge /api/v0/nodes` for some paths only, `slow 3 /api/jobs/`,
`token NEW`, `heal`.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import threading
import time
from typing import cast, get_args

from tests.fakes.dashboard import Fault
from tests.fakes.dashboard.scale import BigDashboard


def obey(dashboard: BigDashboard, line: str) -> str:
    """Do what a line of stdin says, and answer what is wrong with it, or nothing."""
    verb, *words = line.split() or ["heal"]
    if verb == "fail" and words and words[0] in get_args(Fault):
        dashboard.fail(cast("Fault", words[0]), *words[1:])
    elif verb == "slow" and len(words) == 2:
        dashboard.slow[words[1]] = float(words[0])
    elif verb == "token":
        dashboard.token = "".join(words)
    elif verb == "heal":
        dashboard.heal()
    else:
        return f"not understood: {line.strip()}; faults are {', '.join(get_args(Fault))}"
    return ""


def listen(dashboard: BigDashboard, loop: asyncio.AbstractEventLoop) -> None:
    """Read stdin in a thread that ends with the process."""

    def answer(line: str) -> None:
        print(obey(dashboard, line) or f"done: {line.strip()}", flush=True)

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(answer, line)

    threading.Thread(target=read, daemon=True).start()


async def serve(dashboard: BigDashboard, port: int, log_rate: int, *, commands: bool = False) -> None:
    """Answer on loopback, write `log_rate` lines a second to whoever follows a log, and obey `commands` of stdin."""
    async with dashboard.serving(port):
        if commands:
            listen(dashboard, asyncio.get_running_loop())
        print(dashboard.url.rpartition(":")[2], flush=True)
        count = 0
        while True:
            await asyncio.sleep(0.1 if log_rate else 3600)
            stamp = time.strftime("%Y-%m-%d %H:%M:%S")
            for _ in range(max(1, log_rate // 10)):
                count += 1
                dashboard.stream.put_nowait(
                    f"[{stamp},000 I 1 1] (raylet) node_manager.cc:512: heartbeat {count}\n".encode()
                )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.dashboard", description=__doc__)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--actors", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=0, help="0 for the recorded ones")
    parser.add_argument("--tasks", type=int, default=0, help="0 for the recorded ones")
    parser.add_argument("--placement-groups", type=int, default=0, help="0 for the recorded ones")
    parser.add_argument("--workers", type=int, default=0, help="Ray's processes; 0 for the recorded ones")
    parser.add_argument("--port", type=int, default=0, help="0 for a free one")
    parser.add_argument(
        "--cluster", default="ray-cluster", help="the nodes are called CLUSTER-head and CLUSTER-worker-N"
    )
    parser.add_argument(
        "--change", type=float, default=0.0, help="part of the nodes and actors that change with each answer, 0 to 1"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--row-bytes",
        type=int,
        default=10_000,
        help="weight of one node's figures; over 64 MB in all raytui reads none",
    )
    parser.add_argument("--calm", action="store_true", help="no work waits for a place")
    parser.add_argument(
        "--tell-requests", action="store_true", help="at SIGUSR1 print how many requests there have been"
    )
    parser.add_argument("--log-rate", type=int, default=0, help="lines a second in a followed log")
    parser.add_argument("--dead", type=int, default=0, help="how many of the last workers were killed")
    parser.add_argument(
        "--failing",
        action="store_true",
        help="play the recorded failures: jobs, want of memory, a task that can never run, Serve, a placement group",
    )
    parser.add_argument("--token", default="", help="what every request has to bring")
    parser.add_argument("--commands", action="store_true", help="obey the lines of stdin: fail, slow, token, heal")
    given = parser.parse_args()
    made = BigDashboard(
        given.nodes,
        given.actors,
        given.jobs,
        cluster=given.cluster,
        change=given.change,
        seed=given.seed,
        row_bytes=given.row_bytes,
        tasks=given.tasks,
        groups=given.placement_groups,
        workers=given.workers,
        live=True,
        dead=given.dead,
        failing=given.failing,
        calm=given.calm,
    )
    made.token = given.token
    if given.tell_requests:
        signal.signal(signal.SIGUSR1, lambda *_: print(made.requests.total(), flush=True))
    try:
        asyncio.run(serve(made, given.port, given.log_rate, commands=given.commands))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
