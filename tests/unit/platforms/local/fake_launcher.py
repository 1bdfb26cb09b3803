"""A launcher that behaves like the real one towards the platform: it reports, runs a `ray start` with a raylet below it, and ends as FAKE says."""

# ruff: noqa: PTH105, PTH110, PTH118, PTH123  # started dozens of times: pathlib would double the time each start takes
import json
import os
import signal
import subprocess
import sys
import time

RAY = """
import os, signal, subprocess, sys
RAYLET = "import os, sys, time\\nopen('/proc/self/comm', 'w').write('raylet')\\nsys.stdout.write('up')\\nsys.stdout.flush()\\nos.close(1)\\ntime.sleep(600)"
child = subprocess.Popen([sys.executable, "-I", "-S", "-c", RAYLET], stdout=subprocess.PIPE)
child.stdout.read()
def end(*_):
    if os.environ.get("FAKE") != "leaves raylet":
        child.kill()
    sys.exit(1)
signal.signal(signal.SIGTERM, signal.SIG_IGN if os.environ.get("FAKE") == "stubborn" else end)
sys.stdout.write("up")
sys.stdout.flush()
os.close(1)
child.wait()
"""


DASHBOARD = """
import http.server, os, sys
class Dashboard(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(sys.argv[2], "a") as file:
            file.write("%s %s\\n" % (self.path, self.headers["Authorization"]))
        body = b"success" if self.path == "/api/gcs_healthz" else b'{"version": "4", "ray_version": "2.60.0", "session_name": "s"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): ...
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Dashboard)
sys.stdout.write("up")
sys.stdout.flush()
os.close(1)
server.serve_forever()
"""


def report(**more):
    shared, name = os.environ["RAYTUI_SHARED_DIR"], os.environ["RAYTUI_APPLICATION"]
    path = os.path.join(shared, "nodes", name + ".json")
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with open(path + ".tmp", "w") as file:
        json.dump(
            {"schema_version": 1, "engine_id": os.environ["RAYTUI_ENGINE"], "pid": os.getpid(), "at": now, **more}, file
        )
    os.replace(path + ".tmp", path)


def main():
    mode = os.environ.get("FAKE", "")
    print("hello from", os.environ["RAYTUI_APPLICATION"], flush=True)
    if mode == "crashes":
        print("the last words", flush=True)
        sys.exit(3)
    if mode == "fails":
        report(state="failed", message="port 6379 is taken by another program", hint="take another", exit_code=1)
        sys.exit(1)
    report(state="starting")
    ray = os.path.join(os.environ["RAYTUI_SHARED_DIR"], "ray")
    with open(ray + "." + str(os.getpid()), "w") as file:
        file.write(RAY)
    os.replace(file.name, ray)
    child = subprocess.Popen([sys.executable, "-I", "-S", ray, "start"], stdout=subprocess.PIPE)
    child.stdout.read()

    if mode == "serves a dashboard":
        argv = [
            sys.executable,
            "-I",
            "-c",
            DASHBOARD,
            os.environ["RAYTUI_DASHBOARD_PORT"],
            os.path.join(os.environ["RAYTUI_SHARED_DIR"], "asked"),
        ]
        subprocess.Popen(argv, stdout=subprocess.PIPE).stdout.read()

    def end(*_):
        report(state="draining")
        if mode != "leaves ray":
            child.terminate()
            child.wait()
        report(state="ended", exit_code=0)
        sys.exit(0)

    signal.signal(signal.SIGTERM, signal.SIG_IGN if mode == "stubborn" else end)
    report(state="alive", node_id="ab" * 28, ray_pid=child.pid, address="10.0.0.1:6379", ray_version="2.60.0")
    drain = os.path.join(os.environ["RAYTUI_SHARED_DIR"], "drain", os.environ["RAYTUI_APPLICATION"])
    while child.poll() is None:
        if os.path.exists(drain) and mode != "stubborn":
            end()
        time.sleep(0.02)
    report(state="failed", message="the raylet was killed", exit_code=1)
    sys.exit(1)


main()
