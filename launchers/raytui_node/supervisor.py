"""Runs one `ray start` and watches the node behind it: what head and worker have in common.

One thread does everything that decides, so it works the same inside a notebook kernel; only the status page and the
look for a sidecar have threads of their own.
"""

import os
import select
import signal
import subprocess
import threading
import time
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple, Union

from raytui_node.log_shipper import LogShipper
from raytui_node.files import SharedFolder
from raytui_node.health import Probe, probe_gcs
from raytui_node.output import explain, warning
from raytui_node.page import StatusPage, envoy_present
from raytui_node.process import NOTHING_YET, Output, find_ray, signal_child, spawn, still_runs, sweep
from raytui_node.report import Report
from raytui_node.settings import (
    ANY_HOST,
    RUN_MARK,
    SMALL_SHM,
    LauncherError,
    Settings,
    installed_versions,
    ray_environment,
    read_token,
)

_PROBE_STARTING_S = 0.4
_PROBE_ALIVE_S = 5.0
# How long a missing raylet may go unnoticed by `ray start`, which looks once a second, before we end it ourselves.
_GONE_S = 3.0
# How long GCS may call the node dead while its raylet lives; a raylet that hears of it ends by itself within 3 s.
_DEAD_S = 12.0
# How long Ray gets when there is nothing to drain: its raylet is gone, or its node was never alive, or its head is
# gone, and the call that would drain the node waits 30 s for a dead GCS.
_NO_DRAIN_S = 5.0
_DRAIN_POLL_S = 1.0
_STARTED = "Ray runtime started."


class Ending(NamedTuple):
    """How one `ray start` ended."""

    reason: str
    """Why we ended it; "" when it ended by itself."""
    code: int
    killed: str
    """The sentence for having had to kill it although it could have ended cleanly, else ""."""
    lines: Tuple[str, ...]


class Supervisor:
    """One launcher: what it knows of its node, and the loop around `ray start`.

    A role says how it goes and what it looks at.
    """

    def __init__(self, settings: Settings, env: Mapping[str, str]) -> None:
        self.settings = settings
        self.env = env
        self.token = read_token(settings, env)
        self.versions = installed_versions(settings.venv)
        self.shared = SharedFolder(settings.shared_dir, settings.cluster, settings.application, settings.engine_id)
        self.report = Report(settings, self.versions, self.shared)
        self.log_shipper = LogShipper(settings, self.shared.node)
        self.cluster_id = ""
        self.was_alive = False
        self._stop_signals: List[int] = []
        self._wake_in, self._wake_out = os.pipe()
        self._handlers: Dict[int, Union[Callable[..., object], int, None]] = {}
        self._page: Optional[StatusPage] = None
        self._drain_looked = self._probed = self._raylet_missed = self._dead_since = 0.0
        self._complaint = ("", "")

    def go(self) -> None:
        """Runs the node to its end; raises LauncherError unless it ended as asked."""
        raise LauncherError("the role %s cannot be run" % self.settings.role)

    def look(self) -> str:
        """The role's own part of each look while Ray runs; a reason to end Ray, or ""."""
        return ""

    def attend(self, child: "subprocess.Popen[bytes]", output: Output, spoke: bool) -> None:
        """What a role does each time Ray spoke, and at least ten times a second until the node is alive."""

    def seen(self, probe: Probe) -> None:
        """What a role makes of each look at GCS."""

    def leaving(self) -> None:
        """What a role does before Ray is asked to end."""

    def open(self) -> None:
        """Takes the signals, answers on the application port and looks for a sidecar, before any slow work."""
        for end in (self._wake_in, self._wake_out):
            os.set_blocking(end, False)
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._handlers[number] = signal.signal(number, self._on_signal)
        if self.settings.app_port:
            dashboard = (
                self._dashboard_target if self.settings.expose_dashboard and self.settings.role == "head" else None
            )
            try:
                self._page = StatusPage(self.settings.app_port, self.report.facts, dashboard)
            except OSError as error:
                self.report.say(
                    "the application port %d cannot be served (%s), so the platform may never call this "
                    "application running" % (self.settings.app_port, error.strerror or error)
                )
        if self.settings.in_cai:
            threading.Thread(target=self._look_for_envoy, name="envoy-check", daemon=True).start()
        self.report.record()

    def close(self) -> None:
        """Frees the port, the handlers and the files; the node's last record stays."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if self._page is not None:
            self._page.close()
        self.report.close()
        os.close(self._wake_in)
        os.close(self._wake_out)

    def _on_signal(self, number: int, _frame: object) -> None:
        self._stop_signals.append(number)
        try:
            os.write(self._wake_out, b"!")
        except OSError:
            return

    def _look_for_envoy(self) -> None:
        self.report.envoy = envoy_present()

    def _dashboard_target(self) -> str:
        host = self.settings.dashboard_host
        return "%s:%d" % (host if host and host != ANY_HOST else "127.0.0.1", self.settings.dashboard_port)

    def reason_to_stop(self) -> str:
        """The word stop after a signal, drain when somebody asked this application to drain, else ""."""
        if self._stop_signals:
            return "stop"
        now = time.monotonic()
        if now - self._drain_looked < _DRAIN_POLL_S:
            return ""
        self._drain_looked = now
        return "drain" if self.shared.drain_asked() else ""

    def pause(self, seconds: float) -> None:
        """Waits, but not longer than until the next signal; keeps the heartbeat."""
        if select.select([self._wake_in], [], [], seconds)[0]:
            os.read(self._wake_in, 4096)
        self.report.beat()

    def probe(self, address: str, node_id: str = "", head: bool = False) -> Probe:
        """One look at GCS with this launcher's token."""
        return probe_gcs(address, self.token, node_id, head)

    def run_ray(self, argv: List[str]) -> Ending:
        """Starts Ray and returns when it has ended and nothing of it is left.

        Raises LauncherError when it cannot be started.
        """
        self.report.parts = NOTHING_YET
        self.was_alive = False
        self._raylet_missed = self._dead_since = self._probed = 0.0
        self._complaint = ("", "")
        self.report.say("runs " + " ".join(argv))
        try:
            child = spawn(argv, ray_environment(self.settings, self.env))
        except OSError as error:
            raise LauncherError("%s cannot be started: %s" % (argv[0], error.strerror or error)) from None
        self.report.ray_pid = child.pid
        output = Output(child, self.report.echo)
        killed = ""
        self.log_shipper.begin(lambda: self.report.parts)
        try:
            reason = self._watch(child, output)
            if reason:
                killed = self._end(child, output, reason)
        finally:
            # Also on the way out of an unexpected error: nothing of Ray may outlive the launcher.
            sweep(child.pid, "%s=%s" % (RUN_MARK, self.settings.run_id))
            child.wait()
            output.drain()
            self.shared.keep_tails(self.report.parts.log_files)
            self.log_shipper.end()
            self._say_news()
            self.report.ray_pid = 0
        return Ending(reason, child.returncode, killed, tuple(output.lines))

    def _watch(self, child: "subprocess.Popen[bytes]", output: Output) -> str:
        looked = 0.0
        while child.poll() is None:
            is_alive = self.report.state == "alive"
            spoke = output.wait(0.5 if is_alive else 0.1, self._wake_in)
            self.attend(child, output, spoke)
            reason = self.reason_to_stop()
            if reason:
                return reason
            if spoke and not self._complaint[0]:
                self._complaint = warning(output.lines)
            if time.monotonic() - looked < (1.0 if is_alive else 0.2):
                continue
            looked = time.monotonic()
            self._say_news()
            reason = self._look_at_raylet(child.pid) or self._look_at_gcs(output) or self.look()
            if reason:
                return reason
            self.report.beat()
        return ""

    def _say_news(self) -> None:
        for sentence in self.log_shipper.news():
            self.report.say(sentence)

    def _look_at_raylet(self, ray_pid: int) -> str:
        raylet = self.report.parts.raylet
        if raylet is None:
            before, self.report.parts = self.report.parts, find_ray(ray_pid)
            if before.node_id != self.report.parts.node_id:
                self.report.record()
            return ""
        if still_runs(raylet):
            return ""
        now = time.monotonic()
        self._raylet_missed = self._raylet_missed or now
        if now - self._raylet_missed < _GONE_S:
            return ""
        return self.broken(
            "the raylet is gone although ray start still runs, so the node is dead", "read raylet.err and raylet.out"
        )

    def _look_at_gcs(self, output: Output) -> str:
        now = time.monotonic()
        address, parts = self.report.address, self.report.parts
        if not address or now - self._probed < (_PROBE_ALIVE_S if self.report.state == "alive" else _PROBE_STARTING_S):
            return ""
        self._probed = now
        probe = self.probe(address, parts.node_id if parts.raylet else "")
        self.seen(probe)
        # A Ray that does not tell whether a node is alive: its own word has to do.
        started = (
            probe.node_alive is None
            and probe.healthy
            and parts.raylet
            and any(_STARTED in line for line in output.lines)
        )
        if probe.node_alive or started:
            self.was_alive = True
            self._dead_since = 0.0
            self.report.set_state("alive", *self._remark())
        elif self.was_alive and probe.node_alive is False:
            self._dead_since = self._dead_since or now
            if now - self._dead_since > _DEAD_S:
                return self.broken("the head calls this node dead although its raylet runs", self.report.network_hint())
        elif self.was_alive and not probe.healthy:
            self.report.set_state(
                "alive", "the head does not answer: " + probe.problem, "this node ends about a minute after its head"
            )
        return ""

    def broken(self, message: str, hint: str) -> str:
        """Takes on the failure for which Ray is ended; returns the reason."""
        self.report.set_state("failed", message, hint)
        return "broken"

    def _remark(self) -> Tuple[str, str]:
        if self.shared.trouble:
            return self.shared.trouble, "check the folder's owner and its free space"
        if self._complaint[0]:
            return self._complaint
        shm = self.settings.shm
        if self.settings.in_cai and 0 < shm < SMALL_SHM:
            return (
                "the shared memory of this pod has only %d MB, too little for an object store" % (shm // 10**6),
                "raise the project's shared_memory_limit (MB) and create the application again",
            )
        return "", ""

    def _grace(self, reason: str) -> float:
        raylet, grace = self.report.parts.raylet, self.settings.stop_grace
        if reason == "moved":
            return min(grace, 1.0)
        if raylet is None:
            return grace
        drains = self.was_alive and still_runs(raylet) and self.probe(self.report.address).healthy
        return grace if drains else min(grace, _NO_DRAIN_S)

    def _end(self, child: "subprocess.Popen[bytes]", output: Output, reason: str) -> str:
        """SIGTERM to `ray start`, which drains for up to 30 s.

        The sentence for it when it must be killed early or after its full time.
        """
        self.leaving()
        looked = time.monotonic()
        grace = self._grace(reason)
        deadline = looked + grace
        full = deadline if grace >= self.settings.stop_grace else 0.0
        if self.report.state != "failed":
            self.report.set_state("draining", "ending Ray, for up to %g s" % grace)
        signal_child(child, signal.SIGTERM)
        # It may be held (see WorkerNode.attend).
        signal_child(child, signal.SIGCONT)
        patience = max(1, self._stop_signals.count(signal.SIGINT))
        while child.poll() is None:
            now = time.monotonic()
            if now - looked > 1.0:
                # A raylet that came up or ended meanwhile, or a head that went: there may be nothing to drain any more.
                looked = now
                if self.report.parts.raylet is None:
                    self.report.parts = find_ray(child.pid)
                deadline = min(deadline, now + self._grace(reason))
            late = now > deadline
            if late or self._stop_signals.count(signal.SIGINT) > patience:
                signal_child(child, signal.SIGKILL)
                if not late:
                    return "Ray was killed at the second Ctrl-C"
                return "Ray did not end within %g s of SIGTERM and was killed" % grace if deadline == full else ""
            output.wait(0.1, self._wake_in)
            self.report.beat()
        return ""

    def finish(self, ending: Ending) -> None:
        """Tells how the node ended; raises LauncherError unless it ended as asked."""
        self.report.exit_code = ending.code
        if ending.reason in ("stop", "drain") and ending.killed:
            self.fail(ending.killed, "")
        elif ending.reason in ("stop", "drain"):
            self.report.set_state("ended", "on request" if ending.reason == "stop" else "drained on request")
        elif ending.reason == "broken":
            self.fail(self.report.message, self.report.hint)
        elif ending.code == 0:
            self.report.set_state("ended", "Ray ended by itself with exit code 0")
        elif self._dead_since:
            self.fail("the head called this node dead, so its raylet ended", self.report.network_hint(), ending.code)
        else:
            message, hint = self.cause(ending)
            self.fail(message, hint, ending.code)

    def cause(self, ending: Ending) -> Tuple[str, str]:
        """Why Ray ended by itself, as sentence and hint."""
        return explain(ending.lines, ending.code)

    def fail(self, message: str, hint: str, code: int = 1) -> None:
        """Records the failure and raises it as LauncherError; a negative `code` is a signal, as subprocess gives it."""
        self.report.set_state("failed", message, hint, aloud=False)
        sentence = "%s: %s%s" % (self.settings.application, message, "; " + hint if hint else "")
        raise LauncherError(sentence, 128 - code if code < 0 else code)
