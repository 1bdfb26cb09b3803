"""The two jobs of `raytui deploy`, run inside the workbench: set the environment up, then start the cluster.

The job's arguments (variable JOB_ARGUMENTS) name which: `setup_environment` or `launch_ray_cluster`. What to install and what to start
stands in `.raytui/deploy/deploy.json`, which `deploy` uploaded. A workbench has no endpoint for a job's output, so it is kept in
`.raytui/deploy/<job>.log`, where `deploy` reads why a job failed. Standard library only; executed by a notebook kernel, statement by
statement, where any SystemExit counts as a failure.
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile

FOLDER = os.path.join(".raytui", "deploy")


def main():
    """Run the job that JOB_ARGUMENTS names; raises RuntimeError with the last words of what failed."""
    with open(os.path.join(FOLDER, "deploy.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    job = os.environ.get("JOB_ARGUMENTS", "").strip()
    jobs = {"setup_environment": set_up, "launch_ray_cluster": launch}
    if job not in jobs:
        raise RuntimeError("JOB_ARGUMENTS is %r; it must be one of %s" % (job, ", ".join(sorted(jobs))))
    log = os.path.join(FOLDER, job + ".log")
    with open(log, "w", encoding="utf-8") as sink:
        try:
            jobs[job](manifest, sink)
        except Exception as error:
            # The boundary of the job: whatever ended it is the last line that deploy shows.
            say(sink, "failed: %s" % error)
            raise


def set_up(manifest, sink):
    """Unpack raytui and make the virtual environment hold what it and its launchers need; done already is fine."""
    source = os.path.join(FOLDER, manifest["source"])
    if not os.path.isdir(source):
        unfinished = "%s.%d" % (source, os.getpid())
        with zipfile.ZipFile(source + ".zip") as archive:
            archive.extractall(unfinished)
        os.rename(unfinished, source)
    venv = os.path.expanduser(manifest["venv"])
    python = os.path.join(venv, "bin", "python")
    if holds(python, manifest["modules"]) and os.path.exists(os.path.join(venv, "bin", "ray")):
        say(sink, "%s holds everything already" % venv)
        return
    uv = shutil.which("uv")
    if not os.path.exists(python):
        say(sink, "making %s with %s" % (venv, sys.executable))
        run([uv, "venv", "--python", sys.executable, venv] if uv else [sys.executable, "-m", "venv", venv], sink)
    install = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install", "--disable-pip-version-check"]
    run(install + manifest["requirements"], sink)
    if not holds(python, manifest["modules"]):
        raise RuntimeError("%s still lacks one of %s after the installation" % (venv, ", ".join(manifest["modules"])))


def launch(manifest, sink):
    """Run raytui's own start with the key and the project that the workload has."""
    python = os.path.join(os.path.expanduser(manifest["venv"]), "bin", "python")
    source = os.path.abspath(os.path.join(FOLDER, manifest["source"]))
    # The project's folder may hold a checkout of raytui: without a safe path it would go before the one that was deployed.
    variables = {"PYTHONPATH": source, "PYTHONSAFEPATH": "1"}
    run([python, "-m", "raytui", "start"] + manifest["start"], sink, variables)


def holds(python, modules):
    """Whether this Python can import every module, found without importing the large ones."""
    code = "import importlib.util, sys; sys.exit(any(importlib.util.find_spec(name) is None for name in %r))" % (list(modules),)
    try:
        return subprocess.run([python, "-c", code], check=False, timeout=120).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def run(words, sink, variables=None):
    """Run a program with its output in the log and on stdout; raises RuntimeError with its last lines when it fails."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PIP_NO_INPUT": "1", **(variables or {})}
    # A workbench sets PIP_USER=1, which breaks pip inside a virtual environment.
    environment.pop("PIP_USER", None)
    say(sink, "+ " + " ".join(words))
    last = []
    child = subprocess.Popen(
        words,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    for line in child.stdout:
        say(sink, line.rstrip())
        last = [*last[-4:], line.strip()]
    if child.wait() != 0:
        raise RuntimeError(
            "%s exited with %d: %s" % (os.path.basename(words[0]), child.returncode, " | ".join(line for line in last if line))
        )


def say(sink, line):
    """One line to the log and to stdout."""
    sink.write(line + "\n")
    sink.flush()
    print(line, flush=True)


main()
