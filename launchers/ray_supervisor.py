"""Runs one `ray start` and watches the node behind it: what head and worker have in common.

One thread does everything that decides (so it works the same inside a notebook kernel); only the status page and the look for a sidecar have threads of their own.
"""

import codecs
import os
import select
import signal
import sys
import threading
import time
import uuid
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ray_files import RotatingLog, SharedFolder, utc_now
from ray_health import Probe, probe_gcs
from ray_output import explain, warning
from ray_page import StatusPage, envoy_present
from ray_process import Output, RayParts, find_ray, signal_child, spawn, still_runs, sweep
from ray_settings import SMALL_SHM, LauncherError, Settings, installed_versions, ray_environment, read_token

_HEARTBEAT_S = 10.0
_PROBE_STARTING_S = 0.4
_PROBE_ALIVE_S = 5.0
_GONE_S = 3.0
"""How long a missing raylet may go unnoticed by `ray start`, which looks once a second, before we end it ourselves."""
_DEAD_S = 12.0
"""How long GCS may call the node dead while its raylet lives; a raylet that hears of it ends by itself within 3 s."""
_ENVOY_HINT = (
    "an Envoy sidecar is in this pod: ask the administrator to let plain TCP between the project's pods pass the mesh (mTLS permissive)"
)
_STARTED = "Ray runtime started."


class Ending(NamedTuple):
    """How one `ray start` ended: why we ended it ("" when it ended by itself), its exit code, whether it had to be killed, its last lines."""

    reason: str
    code: int
    killed: bool
    lines: Tuple[str, ...]


class Supervisor:
    """State of one launcher: what it knows of its node, where it says so, and the loop around `ray start`."""

    def __init__(self, settings: Settings, env: Mapping[str, str]) -> None:
        self.settings = settings
        self.env = env
        self.token = read_token(settings, env)
        self.versions = installed_versions(settings.venv)
        self.shared = SharedFolder(settings.shared_dir, settings.cluster, settings.application, settings.engine_id)
        self.state, self.message, self.hint = "starting", "", ""
        self.address = self.generation = self.cluster_id = ""
        self.parts = RayParts(None, None, "", settings.node_ip, ())
        self.exit_code: Optional[int] = None
        self.was_alive = False
        self._ray_pid = 0
        self._since = utc_now()
        self._envoy = False
        self._stop_signals: List[int] = []
        self._wake_in, self._wake_out = os.pipe()
        self._log: Optional[RotatingLog] = self.shared.open_log() if settings.in_cai and settings.shared_dir else None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._handlers: Dict[int, Any] = {}
        self._page: Optional[StatusPage] = None
        self._recorded = 0.0
        self._probed = 0.0
        self._raylet_missed = self._dead_since = 0.0
        self._complaint = ("", "")

    # Life of the launcher

    def open(self) -> None:
        """Takes the signals, answers on the application port and looks for a sidecar, before any slow work."""
        for name in (self._wake_in, self._wake_out):
            os.set_blocking(name, False)
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._handlers[number] = signal.signal(number, self._on_signal)
        if self.settings.app_port:
            dashboard = self._dashboard_target if self.settings.expose_dashboard and self.settings.role == "head" else None
            try:
                self._page = StatusPage(self.settings.app_port, self._facts, dashboard)
            except OSError as error:
                self.say(
                    "the application port %d cannot be served (%s); the platform may never call this application running"
                    % (self.settings.app_port, error)
                )
        if self.settings.in_cai:
            threading.Thread(target=self._look_for_envoy, name="envoy-check", daemon=True).start()
        self.record()

    def close(self) -> None:
        """Frees the port, the handlers and the files; the node's last record stays."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if self._page is not None:
            self._page.close()
        if self._log is not None:
            self._log.close()
        os.close(self._wake_in)
        os.close(self._wake_out)

    def _on_signal(self, number: int, frame: Any) -> None:
        self._stop_signals.append(number)
        try:
            os.write(self._wake_out, b"!")
        except OSError:
            return

    def _look_for_envoy(self) -> None:
        self._envoy = envoy_present()

    def _facts(self) -> Dict[str, str]:
        return {
            "application": self.settings.application,
            "role": self.settings.role,
            "cluster": self.settings.cluster,
            "state": self.state,
            "since": self._since,
            "message": self.message,
        }

    def _dashboard_target(self) -> str:
        host = self.settings.dashboard_host
        return "%s:%d" % (host if host and host != "0.0.0.0" else "127.0.0.1", self.settings.dashboard_port)

    # What it says

    def say(self, text: str) -> None:
        """One line of our own on stdout and in the kept log."""
        self.echo(("%s raytui: %s: %s\n" % (utc_now(), self.settings.application, text)).encode("utf-8"))

    def echo(self, data: bytes) -> None:
        """Passes bytes on, unbuffered. Nobody reading them is no reason for a node to end."""
        if self._log is not None:
            self._log.write(data)
        try:
            sys.stdout.write(self._decoder.decode(data))
            sys.stdout.flush()
        except UnicodeEncodeError:
            sys.stdout.write(data.decode("ascii", "backslashreplace"))
        except (OSError, ValueError):
            return

    def keep(self, text: str) -> None:
        """Writes a last sentence to the kept log only, when somebody else prints it."""
        if self._log is not None:
            self._log.write(("%s raytui: %s\n" % (utc_now(), text)).encode("utf-8"))

    def set_state(self, state: str, message: str = "", hint: str = "") -> None:
        """Takes on a state and tells it everywhere, once."""
        if (state, message, hint) == (self.state, self.message, self.hint):
            return
        if state != self.state:
            self._since = utc_now()
        self.state, self.message, self.hint = state, message, hint
        self.say("%s%s" % (state, ": " + message if message else "") + (" (%s)" % hint if hint else ""))
        self.record()

    def record(self) -> None:
        """Writes this node's row to the shared folder."""
        self._recorded = time.monotonic()
        s = self.settings
        self.shared.write_node(
            {
                "application": s.application,
                "cluster": s.cluster,
                "role": s.role,
                "engine_id": s.engine_id,
                "pid": os.getpid(),
                "ray_pid": self._ray_pid,
                "state": self.state,
                "node_id": self.parts.node_id,
                "generation": self.generation,
                "address": self.address,
                "ip": self.parts.node_ip,
                "ray_version": self.versions[0],
                "python_version": self.versions[1],
                "cpus": s.cpus,
                "gpus": s.gpus,
                "memory_bytes": s.memory,
                "object_store_bytes": s.object_store,
                "shm_bytes": s.shm,
                "envoy_sidecar": self._envoy,
                "message": self.message,
                "hint": self.hint,
                "exit_code": self.exit_code,
                "at": utc_now(),
            }
        )
        if self.shared.trouble:
            self._complaint = (self.shared.trouble, "check the folder's owner and free space")

    # Waiting

    def reason_to_stop(self) -> str:
        """ "stop" after a signal, "drain" when somebody asked this application to drain, else ""."""
        if self._stop_signals:
            return "stop"
        return "drain" if self.shared.drain_asked() else ""

    def pause(self, seconds: float) -> None:
        """Waits, but not longer than until the next signal; keeps the heartbeat."""
        if select.select([self._wake_in], [], [], seconds)[0]:
            os.read(self._wake_in, 4096)
        self.beat()

    def beat(self) -> None:
        """Writes the row again when ten seconds have passed."""
        if time.monotonic() - self._recorded >= _HEARTBEAT_S:
            self.record()

    def probe(self, address: str, node_id: str = "") -> Probe:
        """One look at GCS with this launcher's token."""
        return probe_gcs(address, self.token, node_id)

    # Running Ray

    def run_ray(self, argv: List[str]) -> Ending:
        """Starts Ray and returns when it has ended and nothing of it is left; raises LauncherError when it cannot be started."""
        self.parts = RayParts(None, None, "", self.settings.node_ip, ())
        self.was_alive = False
        self._raylet_missed = self._dead_since = self._probed = 0.0
        self._complaint = ("", "")
        self.say("runs " + " ".join(argv))
        try:
            child = spawn(argv, ray_environment(self.settings, self.env))
        except OSError as error:
            raise LauncherError("%s cannot be started: %s" % (argv[0], error.strerror or error)) from None
        self._ray_pid = child.pid
        output = Output(child, self.echo)
        reason, killed = "", False
        try:
            reason = self._watch(child, output)
            if reason:
                killed = self._end(child, output)
        finally:
            # Also on the way out of an unexpected error: nothing of Ray may outlive the launcher.
            sweep(child.pid, self.settings.engine_id)
            child.wait()
            output.drain()
            self.shared.keep_tails(list(self.parts.log_files))
            self._ray_pid = 0
        return Ending(reason, child.returncode, killed, tuple(output.lines))

    def _watch(self, child: Any, output: Output) -> str:
        looked = 0.0
        while child.poll() is None:
            settled = self.state == "alive"
            spoke = output.wait(0.5 if settled else 0.1, self._wake_in)
            reason = self.reason_to_stop()
            if reason:
                return reason
            now = time.monotonic()
            if now - looked < (1.0 if settled else 0.2):
                continue
            looked = now
            reason = self._look(child, output, spoke) or self.look(now)
            if reason:
                return reason
            self.beat()
        return ""

    def look(self, now: float) -> str:
        """The role's own part of each look; a reason to end Ray, or ""."""
        raise LauncherError("the role %s does not say what it looks at" % self.settings.role)

    def _look(self, child: Any, output: Output, spoke: bool) -> str:
        if self.parts.raylet is None:
            parts = find_ray(child.pid)
            changed = parts.node_id != self.parts.node_id
            self.parts = parts._replace(node_ip=parts.node_ip or self.settings.node_ip)
            if changed:
                self.record()
        elif not still_runs(self.parts.raylet):
            return self._raylet_gone()
        if spoke and self._complaint == ("", ""):
            self._complaint = warning(output.lines)
        return self._check_alive(output)

    def _raylet_gone(self) -> str:
        now = time.monotonic()
        if not self._raylet_missed:
            self._raylet_missed = now
        if now - self._raylet_missed < _GONE_S:
            return ""
        self.set_state("failed", "the raylet is gone although ray start still runs, so the node is dead", "read raylet.err and raylet.out")
        return "broken"

    def _check_alive(self, output: Output) -> str:
        now = time.monotonic()
        if not self.address or now - self._probed < (_PROBE_ALIVE_S if self.state == "alive" else _PROBE_STARTING_S):
            return ""
        self._probed = now
        probe = self.probe(self.address, self.parts.node_id if self.parts.raylet else "")
        self.seen(probe)
        started = any(_STARTED in line for line in list(output.lines)[-60:])
        if probe.node_alive or (probe.node_alive is None and probe.healthy and started and self.parts.raylet):
            self.was_alive = True
            self._dead_since = 0.0
            self.set_state("alive", *self._remark())
        elif self.was_alive and probe.node_alive is False:
            self._dead_since = self._dead_since or now
            if now - self._dead_since > _DEAD_S:
                self.set_state(
                    "failed",
                    "the head calls this node dead although its raylet runs",
                    self.envoy_hint() or "check the network between the nodes",
                )
                return "broken"
        elif self.was_alive and not probe.healthy:
            self.set_state("alive", "the head does not answer: " + probe.problem, "the node ends about a minute after the head")
        return ""

    def seen(self, probe: Probe) -> None:
        """What a role makes of each look at GCS."""

    def envoy_hint(self) -> str:
        """What to say about the sidecar, "" without one."""
        return _ENVOY_HINT if self._envoy else ""

    def _remark(self) -> Tuple[str, str]:
        if self._complaint[0]:
            return self._complaint
        shm = self.settings.shm
        if self.settings.in_cai and 0 < shm < SMALL_SHM:
            return (
                "/dev/shm has only %d MB, too little for an object store" % (shm // 10**6),
                "raise the project's shared_memory_limit (MB) and create the application again",
            )
        return "", ""

    def _end(self, child: Any, output: Output) -> bool:
        """SIGTERM to `ray start`, which drains for up to 30 s; True when it did not end in time (or Ctrl-C came again) and must be killed."""
        if self.state != "failed":
            self.set_state("draining", "ending Ray, up to %g s" % self.settings.stop_grace)
        signal_child(child, signal.SIGTERM)
        deadline = time.monotonic() + self.settings.stop_grace
        interrupts = self._stop_signals.count(signal.SIGINT)
        while child.poll() is None:
            if time.monotonic() > deadline or self._stop_signals.count(signal.SIGINT) > max(1, interrupts):
                signal_child(child, signal.SIGKILL)
                return True
            output.wait(0.1, self._wake_in)
            self.beat()
        return False

    # The end

    def finish(self, ending: Ending) -> None:
        """Tells how the node ended; raises LauncherError unless it ended as asked."""
        self.exit_code = ending.code
        name = self.settings.application
        if ending.reason in ("stop", "drain"):
            if not ending.killed:
                self.set_state("ended", "ended as asked" if ending.reason == "stop" else "drained and ended as asked")
                return
            message = "Ray did not end within %g s of SIGTERM and was killed" % self.settings.stop_grace
            self.set_state("ended", message)
            raise LauncherError("%s: %s" % (name, message))
        if ending.code == 0 and not ending.reason:
            self.set_state("ended", "Ray ended by itself with exit code 0")
            return
        message, hint = (self.message, self.hint) if ending.reason == "broken" else explain(ending.lines, ending.code)
        self.fail(message, hint, 1 if ending.reason else ending.code)

    def fail(self, message: str, hint: str, code: int = 1) -> None:
        """Records the failure and raises it as LauncherError; a negative `code` is a signal, as subprocess gives it."""
        self.set_state("failed", message, hint)
        raise LauncherError(
            "%s: %s%s" % (self.settings.application, message, "; " + hint if hint else ""), 128 - code if code < 0 else code
        )


def new_generation() -> str:
    """An id that no other run of a head has."""
    return uuid.uuid4().hex
