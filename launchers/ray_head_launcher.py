#!/usr/bin/env python3
# Starts the head of a Ray cluster and stays with it until it ends.
#
# The work is done by the folder raytui_node beside this file, run by the Python of the virtual environment that
# RAYTUI_VENV names (default ~/.venv). This script finds the two, waits, hands SIGTERM and Ctrl-C on, and ends as the
# node did: `python FILE` with its exit code, a notebook kernel (where SystemExit is a failure) with an exception or
# none.

import contextlib
import os
import signal
import subprocess
import sys


def node_folder():
    """The node program: where the environment says, beside this file, or below the working directory."""
    shared = os.environ.get("RAYTUI_SHARED_DIR") or ".raytui/" + (os.environ.get("RAYTUI_CLUSTER") or "ray-cluster")
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)) if "__file__" in globals() else "", "raytui_node")
    named = (os.environ.get("RAYTUI_NODE_DIR") or beside, beside, "raytui_node", shared + "/launchers/raytui_node")
    places = dict.fromkeys(os.path.abspath(os.path.expanduser(folder)) for folder in named)
    for place in places:
        if os.path.isfile(os.path.join(place, "__main__.py")):
            return place
    raise RuntimeError("no node program at %s; `raytui render --to DIR` writes all that is needed" % ", ".join(places))


def venv_python():
    """The venv's Python; without one ours, for the node program tells what is missing wherever a node is looked for."""
    venv = os.path.expanduser(os.environ.get("RAYTUI_VENV", "").strip() or "~/.venv")
    python = os.path.abspath(os.path.join(venv, "bin", "python"))
    return python if os.access(python, os.X_OK) else sys.executable


def run(words, **output):
    """Runs `words`, hands signals on to it; its exit code (0 when a signal ended it as asked) and the last line."""
    child = subprocess.Popen(words, stdin=subprocess.DEVNULL, **output)
    asked, handlers, last = [], {}, ""

    def hand_on(number, _frame):
        asked.append(number)
        child.send_signal(number)

    try:
        with contextlib.suppress(ValueError):  # outside the main thread signals are not ours
            handlers = {number: signal.signal(number, hand_on) for number in (signal.SIGTERM, signal.SIGINT)}
        for line in child.stdout or ():
            with contextlib.suppress(OSError, ValueError):  # nobody reading is no reason for a node to end
                print(line, end="", flush=True)
            last = line.strip() or last
        code = child.wait()
    finally:
        child.terminate()  # it still runs only if an error takes us out of here
        child.wait()
        for number, handler in handlers.items():
            signal.signal(number, handler or signal.SIG_DFL)
    return (0 if -code in asked else code), last


def main():
    """Runs the node. In a kernel there is no file, or a loop runs already; what the node prints is ours to print."""
    loops = sys.modules.get("asyncio")
    kernel = "__file__" not in globals() or bool(loops and loops._get_running_loop())
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "encoding": "utf-8", "errors": "replace"}
    try:
        # -E: what is set for this Python, such as PYTHONHOME, is not for that one.
        words = [venv_python(), "-u", "-E", node_folder(), "head", str(os.getpid())]
        code, last = run(words, **pipe if kernel else {})
    except (OSError, RuntimeError) as error:
        code, last = 1, str(error)
    code, last = (128 - code, "the node program was ended by signal %d" % -code) if code < 0 else (code, last)
    if kernel and code:
        raise RuntimeError(last or "the node ended with exit code %d" % code)
    if not kernel:
        sys.stderr.write(last and last + "\n")
        sys.exit(code)


main()
