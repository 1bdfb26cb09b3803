"""Stands for `ray` in a venv of the launchers' tests: records how it was called, then behaves as FAKE_RAY says.

FAKE_RAY is a list of words, one for each call in turn (the last one counts for all later calls): sleep · exit:CODE ·
say:FILE:CODE (prints the file, then exits) · deaf (ignores SIGTERM) · raylet (sleeps, with a child that looks like a
raylet) · session:FOLDER (like raylet, with its logs in that folder) · orphan (like raylet, with a grandchild that outlives everything unless somebody ends it) · head (sleeps, with
a child that is the fake GCS of gcs.py: it listens on the port of `--port` once FAKE_GCS_GATE exists and the port is
free).
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

calls = Path(os.environ["FAKE_CALLS"])
with calls.open("a") as file:
    file.write(
        json.dumps(
            {
                "argv": sys.argv[1:],
                "env": dict(os.environ),
                "pid": os.getpid(),
                "group": os.getpgrp(),
                "session": os.getsid(0),
            }
        )
        + "\n"
    )
number = len(calls.read_text().splitlines())
words = os.environ.get("FAKE_RAY", "sleep").split()
word, _, rest = words[min(number, len(words)) - 1].partition(":")


def part(name, *more):
    code = "while :; do sleep 0.2; done"
    return subprocess.Popen(
        ["/fake/" + name, "-c", code, name, "--node_id=" + "ab" * 28, "--node_ip_address=127.0.0.1", *more],
        executable="/bin/sh",
    )


children = []


def end(*_):
    for child in children:
        child.kill()
    os._exit(1)


signal.signal(signal.SIGTERM, signal.SIG_IGN if word == "deaf" else end)
print("Local node IP: 127.0.0.1", flush=True)
if os.environ.get("FAKE_PAUSE"):
    time.sleep(0.3)
print("fake ray runs", flush=True)
if word == "exit":
    sys.exit(int(rest))
if word == "say":
    path, _, code = rest.rpartition(":")
    sys.stderr.write(Path(path).read_text())
    sys.stderr.flush()
    sys.exit(int(code))
if word in ("raylet", "orphan"):
    files = {suffix: calls.with_name("raylet.1." + suffix) for suffix in ("out", "err")}
    for suffix, path in files.items():
        path.write_text("x" * 100000 + "\nlast words " + suffix + "\n")
    children.append(part("raylet", f"--stdout_filepath={files['out']}", f"--stderr_filepath={files['err']}"))
if word == "session":
    children.append(part("raylet", *(f"--{std}_filepath={rest}/raylet.{std[3:]}" for std in ("stdout", "stderr"))))
if word == "head":
    port = sys.argv[sys.argv.index("--port") + 1]
    argv = ["/fake/gcs_server", os.environ["FAKE_GCS"], port, os.environ["FAKE_GCS_GATE"]]
    argv += ["--node_id=" + "ab" * 28, "--node_ip_address=127.0.0.1"]
    children.append(subprocess.Popen(argv, executable=sys.executable))
if word == "orphan":
    # Like Ray's agents: in the group, with an environment that says nothing, and a parent that does not wait for it.
    subprocess.Popen(["/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.2; done", str(calls)], env={})
while True:
    for child in children:
        child.poll()
    time.sleep(0.05)
