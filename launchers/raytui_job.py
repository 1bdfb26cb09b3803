"""The two jobs of `raytui deploy`, run inside the workbench: set the environment up, then start the cluster.

The job's arguments (variable JOB_ARGUMENTS) name which: `setup_environment` or `launch_ray_cluster`. What to install
and what to start stands in `.raytui/deploy/deploy.json`, which `deploy` uploaded. A workbench has no endpoint for a
job's output, so it is kept in `.raytui/deploy/<job>.log`, where `deploy` reads why a job failed. Standard library only;
executed by a notebook kernel, statement by statement, where any SystemExit counts as a failure.
"""

import json
import os
import re
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


def unpack(manifest):
    """Unpack the raytui that was deployed; done already is fine."""
    source = os.path.join(FOLDER, manifest["source"])
    if not os.path.isdir(source):
        unfinished = "%s.%d" % (source, os.getpid())
        with zipfile.ZipFile(source + ".zip") as archive:
            archive.extractall(unfinished)
        os.rename(unfinished, source)


def set_up(manifest, sink):
    """Unpack raytui and make the virtual environment hold what it and its launchers need; done already is fine."""
    unpack(manifest)
    venv = os.path.expanduser(manifest["venv"])
    python = os.path.join(venv, "bin", "python")
    lacking, unsure = compare(python, manifest)
    if not lacking and not unsure and os.path.exists(os.path.join(venv, "bin", "ray")):
        say(sink, "%s holds everything already, in the versions that are wanted" % venv)
        return
    for word in lacking + unsure:
        say(sink, "to be installed: %s" % word)
    uv = shutil.which("uv")
    if not os.path.exists(python):
        say(sink, "making %s with %s" % (venv, sys.executable))
        run([uv, "venv", "--python", sys.executable, venv] if uv else [sys.executable, "-m", "venv", venv], sink)
    install = (
        [uv, "pip", "install", "--python", python]
        if uv
        else [python, "-m", "pip", "install", "--disable-pip-version-check"]
    )
    run(install + manifest["requirements"], sink)
    lacking, _ = compare(python, manifest)
    if lacking:
        raise RuntimeError("%s still lacks after the installation: %s" % (venv, "; ".join(lacking)))


def launch(manifest, sink):
    """Run raytui's own start with the key and the project that the workload has.

    Where the environment was there before, nobody has looked at it closely until now.
    """
    set_up(manifest, sink)
    python = os.path.join(os.path.expanduser(manifest["venv"]), "bin", "python")
    source = os.path.abspath(os.path.join(FOLDER, manifest["source"]))
    # The project's folder may hold a checkout of raytui: without a safe path it would go before the one that was
    # deployed.
    variables = {"PYTHONPATH": source, "PYTHONSAFEPATH": "1"}
    run([python, "-m", "raytui", "start"] + manifest["start"], sink, variables)


PROBE = """
import importlib.metadata, importlib.util, json, re, sys
asked = json.loads(sys.argv[1])
found = {}
for name, extras in asked["names"]:
    try:
        version, needs = importlib.metadata.version(name), importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        found[name] = [None, []]
        continue
    missing = []
    for line in needs:
        if any(re.search("extra *== *[\\"']%s[\\"']" % re.escape(extra), line) for extra in extras):
            part = re.match("[A-Za-z0-9._-]+", line).group()
            try:
                importlib.metadata.version(part)
            except importlib.metadata.PackageNotFoundError:
                missing.append(part)
    found[name] = [version, missing]
absent = [name for name in asked["modules"] if importlib.util.find_spec(name) is None]
print(json.dumps({"found": found, "absent": absent}))
"""
"""Asks an environment for the versions that it holds without importing what is large."""


def compare(python, manifest):
    """What this Python lacks or has in another version than wanted, and what cannot be known, each as words.

    Nothing is changed.

    What cannot be known is for the installer to decide: it is no reason to call an installation a failure.
    """
    wanted = [parsed(line) for line in manifest["requirements"]]
    asked = {"names": [[name, extras] for name, extras, _ in wanted], "modules": list(manifest["modules"])}
    try:
        answer = subprocess.run(
            [python, "-c", PROBE, json.dumps(asked)], check=False, timeout=120, stdout=subprocess.PIPE
        )
        answered = json.loads(answer.stdout.decode())
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ["all of it: %s does not run" % python], []
    lacking = ["%s cannot be imported" % name for name in answered["absent"]]
    unsure = []
    for name, _, clauses in wanted:
        version, missing = answered["found"][name]
        fit = None if version is None else fits(version, clauses)
        if version is None:
            lacking.append("%s is not installed" % name)
        elif fit is False:
            lacking.append("%s is %s, wanted is %s" % (name, version, clauses))
        elif fit is None:
            unsure.append("%s %s, wanted is %s" % (name, version, clauses))
        if missing:
            unsure.append("%s may lack %s" % (name, ", ".join(missing)))
    return lacking, unsure


def parsed(line):
    """Name, extras and version clauses of one requirement as pip takes it."""
    found = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?\s*([^;]*)", line)
    if found is None:
        return line, [], "?"
    extras = [extra.strip() for extra in (found.group(2) or "").split(",") if extra.strip()]
    return found.group(1), extras, found.group(3).strip().strip("()")


def fits(version, clauses):
    """Whether a version meets all clauses, such as `==2.60.*,!=2.60.1`.

    None when a clause is of a kind that is not known here.
    """
    answers = [_meets(version, clause.strip()) for clause in clauses.split(",") if clause.strip()]
    return False if False in answers else None if None in answers else True


def _meets(version, clause):
    found = re.match(r"(~=|==|!=|<=|>=|<|>)\s*(\d+(?:\.\d+)*)(\.\*)?$", clause)
    own = re.match(r"v?(\d+(?:\.\d+)*)(.*)$", version)
    if found is None or own is None or (found.group(3) and found.group(1) not in ("==", "!=")):
        return None
    have, want = _numbers(own.group(1)), _numbers(found.group(2))
    short = len(want)
    width = max(len(have), short)
    have, want = have + [0] * (width - len(have)), want + [0] * (width - short)
    # 2.60.0rc1 and 2.60.0.dev3 come before 2.60.0.
    early = re.match(r"[._-]?(a|b|c|rc|alpha|beta|pre|dev)", own.group(2)) is not None
    order = (have > want) - (have < want) or (-1 if early else 0)
    if found.group(3):
        return (have[:short] == want[:short]) == (found.group(1) == "==")
    if found.group(1) == "~=":
        return order >= 0 and have[: short - 1] == want[: short - 1]
    answers = {"==": order == 0, "!=": order != 0, "<=": order <= 0, ">=": order >= 0, "<": order < 0, ">": order > 0}
    return answers[found.group(1)]


def _numbers(text):
    return [int(part) for part in text.split(".")]


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
            "%s exited with %d: %s"
            % (os.path.basename(words[0]), child.returncode, " | ".join(line for line in last if line))
        )


def say(sink, line):
    """One line to the log and to stdout."""
    sink.write(line + "\n")
    sink.flush()
    print(line, flush=True)


main()
