"""One Ray node, head or worker, from the first look at the venv to the last process gone."""

import os
import signal
import subprocess
import sys
import time
import uuid
from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple

from raytui_node.files import utc_now
from raytui_node.health import Probe, probe_gcs, split_address
from raytui_node.output import lost_gcs, version_mismatch
from raytui_node.process import Output, follow, holds_port, signal_child
from raytui_node.settings import ANY_HOST, LauncherError, check_ray, ray_arguments, read_settings, versions_differ
from raytui_node.supervisor import Ending, Supervisor

_FIRST_POLL_S = 0.1
_SLOWEST_POLL_S = 1.0
_MOVED_POLL_S = 1.0
# How often in a row a worker may lose its head before it was ever alive.
_MOST_LOST_JOINS = 5
# How long a joined head may differ from the announced one: a head answers up to a second before it announces itself
# anew.
_ANNOUNCING_S = 5.0
# What `ray start` prints after its imports, before it looks at the cluster.
_IMPORTED = "Local node IP"
_LONGEST_HOLD_S = 60.0
# Values of WorkerNode._hold besides the time until which it holds.
_RELEASED, _WATCHING = -1.0, 0.0


class HeadNode(Supervisor):
    """The head: writes the rendezvous as soon as its own GCS answers, takes it away when it is asked to end."""

    def go(self) -> None:
        """Runs the head to its end."""
        self.report.generation = uuid.uuid4().hex
        self._announced = False
        self._local = "%s:%d" % (self.settings.node_ip or "127.0.0.1", self.settings.ray_port)
        self._stranger = probe_gcs(self._local).connected
        self.finish(self.run_ray(ray_arguments(self.settings, "")))

    def leaving(self) -> None:
        """Takes the rendezvous away before Ray ends, so that no worker comes to a head that is going."""
        self.shared.remove_rendezvous(self.report.generation)

    def look(self) -> str:
        """Announces the head once its own GCS answers."""
        gcs = self.report.parts.gcs
        if self._announced or gcs is None:
            return ""
        # Another GCS that is already there answers on our port until our own gives up: it gets no token and is not
        # announced as us.
        ours = holds_port(gcs.pid, self.settings.ray_port)
        if ours is False or (ours is None and self._stranger):
            return ""
        probe = self.probe(self._local)
        if not (probe.healthy or probe.refused):
            return ""
        self._announced = True
        self.cluster_id = probe.cluster_id
        ip = self.report.parts.node_ip or "127.0.0.1"
        self.report.address = "%s:%d" % (ip, self.settings.ray_port)
        host = self.settings.dashboard_host or "127.0.0.1"
        self.shared.write_rendezvous(
            {
                "generation": self.report.generation,
                "address": self.report.address,
                "cluster_id": self.cluster_id,
                "dashboard_url": "http://%s:%d" % (ip if host == ANY_HOST else host, self.settings.dashboard_port),
                "ray_version": self.versions[0],
                "python_version": self.versions[1],
                "written_at": utc_now(),
            }
        )
        self.report.set_state("joining", "GCS answers at %s" % self.report.address)
        return ""

    def cause(self, ending: Ending) -> Tuple[str, str]:
        """What Ray says of its own head's port is wrong when another GCS holds it.

        That GCS is asked itself, without our token.
        """
        message, hint = super().cause(ending)
        if self._announced:
            return message, hint
        port = self.settings.ray_port
        free = "stop that Ray, or choose another port: --ray-port, or RAYTUI_RAY_PORT for this launcher"
        stranger = probe_gcs(self._local)
        if stranger.refused or stranger.healthy:
            known = (
                "its cluster id is %s" % stranger.cluster_id
                if stranger.cluster_id
                else "it asks for a token, so its cluster is unknown"
            )
            return "port %d of this node is held by another Ray head, not by this one (%s)" % (port, known), free
        if "InvalidAuthToken" in "\n".join(ending.lines):
            return (
                "a GCS that was not this head's answered on its port %d and refused its token; it is gone now" % port,
                "start it again",
            )
        return message, hint


class _Target(NamedTuple):
    """Where the head should be."""

    address: str
    source: str
    """named (given to it), rendezvous (may be a dead head's), default; guess: the default where heads announce."""
    rendezvous: Dict[str, str]
    """The announcement that belongs to this address, if any."""
    generation: str
    """That of the announcement there is now, whether it belongs to this address or not."""
    cluster_id: str
    """That of the head which is announced now; "" when none is."""


class WorkerNode(Supervisor):
    """A worker: waits for its head, joins it, and joins the next one when the head comes back as another."""

    def go(self) -> None:
        """Runs the worker to its end, through any number of heads."""
        self._first_generation = self.shared.read_rendezvous().get("generation", "")
        self._head_seen = time.monotonic()
        self._moved_looked = 0.0
        self._other_head = False
        self._unannounced_since = 0.0
        self._hold = _RELEASED
        lost_joins = 0
        while True:
            reason = self._await_head()
            if reason:
                self.finish(Ending(reason, 0, "", ()))
                return
            self.report.set_state("joining", "the head is at %s" % self.report.address)
            ending = self.run_ray(ray_arguments(self.settings, self.report.address))
            lost_joins = 0 if self.was_alive else lost_joins + 1
            if not self._may_rejoin(ending, lost_joins):
                self.finish(ending)
                return
            if ending.reason != "moved":
                self.report.say("lost the head at %s, waits for it to come back" % self.report.address)

    def _may_rejoin(self, ending: Ending, lost_joins: int) -> bool:
        if not self.settings.rejoin or lost_joins > _MOST_LOST_JOINS or ending.reason in ("stop", "drain", "broken"):
            return False
        if ending.reason == "moved" or lost_gcs(ending.lines):
            return True
        if not self.was_alive or ending.code == 0:
            return False
        probe = self.probe(self.report.address)
        return not probe.healthy or (bool(self.cluster_id) and probe.cluster_id != self.cluster_id)

    def _target(self) -> _Target:
        rendezvous = self.shared.read_rendezvous()
        generation, cluster_id = rendezvous.get("generation", ""), rendezvous.get("cluster_id", "")
        named = self.settings.head_address
        # A rendezvous written after we began is newer than the address we got at the start.
        if rendezvous and (not named or generation != self._first_generation):
            return _Target(rendezvous["address"], "rendezvous", rendezvous, generation, cluster_id)
        if named:
            announced = rendezvous if rendezvous.get("address") == named else {}
            return _Target(named, "named", announced, generation, cluster_id)
        return _Target("localhost:6379", "guess" if self.settings.shared_dir else "default", {}, "", "")

    def _await_head(self) -> str:
        """Waits until a head is worth joining and takes on its address; a reason to stop instead, or "".

        Raises LauncherError when the wait is over or the head is one that this worker can never join.
        """
        began = time.monotonic()
        window = self.settings.stable_window
        poll = _FIRST_POLL_S
        answering: Optional[float] = None
        last = ""
        while True:
            reason = self.reason_to_stop()
            if reason:
                return reason
            target = self._target()
            if target.address != last:
                last, answering = target.address, None
            probe = self._probe_head(target.address)
            now = time.monotonic()
            stranger = self._stranger(probe, target.cluster_id)
            if probe.healthy and not stranger:
                self._head_seen = now
            patient = now - began >= window
            # Where a head is announced, only its own answer makes it one: others may have its address by now.
            answering = (answering or now) if probe.connected and not target.cluster_id else None
            stable = answering is not None and now - answering >= window
            if probe.refused:
                self._refused(probe, target, patient)
            # A guess is not trusted before a head had the time to announce itself. Nothing answers at an address we
            # were given: Ray retries it as well as we do, and we go on watching the clock.
            elif not stranger and (
                (probe.healthy and probe.head != "starting" and target.source != "guess")
                or stable
                or (patient and target.source in ("named", "default"))
            ):
                self._refuse_other_versions(probe, target)
                self._take_on(target, probe)
                return ""
            self._give_up_without_head(target.address, stranger)
            problem = stranger or probe.problem or "GCS answers at %s, its node is not up yet" % target.address
            if target.source == "guess":
                problem = "no head has written %s/rendezvous.json" % self.settings.shared_dir
            self.report.set_state("waiting", "no head yet: " + problem)
            self.pause(poll)
            poll = min(poll * 1.05, _SLOWEST_POLL_S)

    def _probe_head(self, address: str) -> Probe:
        try:
            split_address(address)
        except ValueError as error:
            self.fail(str(error), "give it as HOST:PORT in RAY_HEAD_ADDRESS")
        return self.probe(address, head=True)

    @staticmethod
    def _stranger(probe: Probe, announced: str) -> str:
        """The sentence for a Ray head that answers but is not the one of our cluster's rendezvous.

        Empty when it is the announced one.
        """
        if not probe.healthy or not announced or probe.cluster_id == announced:
            return ""
        seen = "cluster id %s" % probe.cluster_id if probe.cluster_id else "a cluster id that it does not tell"
        return "the Ray head that answers is not the announced one (%s, announced is %s)" % (seen, announced)

    def _refused(self, probe: Probe, target: _Target, patient: bool) -> None:
        """Another cluster's head may hold the address of a dead one of ours.

        What was named or stays so is a wrong token.
        """
        if target.source in ("named", "default") or (target.source == "rendezvous" and patient):
            self.fail(probe.problem, "give every node the same RAY_AUTH_MODE and the same token (RAY_AUTH_TOKEN_PATH)")

    def _take_on(self, target: _Target, probe: Probe) -> None:
        self.report.address = target.address
        self.report.generation = target.generation
        self.cluster_id = probe.cluster_id
        self._other_head = False
        self._unannounced_since = 0.0
        self._hold = _WATCHING if probe.head in ("starting", "ready") else _RELEASED

    def _refuse_other_versions(self, probe: Probe, target: _Target) -> None:
        """A worker of another version ends itself: Ray would refuse it after two seconds, on every try."""
        same_head = probe.healthy and target.rendezvous.get("cluster_id", probe.cluster_id) == probe.cluster_id
        announced = target.rendezvous if same_head else {}
        head = (probe.ray_version or announced.get("ray_version", ""), announced.get("python_version", ""))
        if versions_differ(head, self.versions, self.env):
            words = [
                "Ray %s and Python %s" % (ray or "unknown", python or "unknown")
                for ray, python in (head, self.versions)
            ]
            self.fail(*version_mismatch(*words))

    def _headless(self, address: str) -> Optional[str]:
        if time.monotonic() - self._head_seen <= self.settings.head_timeout:
            return None
        return "no Ray head answered at %s for %g s, so this worker ended itself" % (
            address,
            self.settings.head_timeout,
        )

    def _headless_hint(self) -> str:
        return self.report.network_hint() if self.report.envoy else "start the head, then start this worker again"

    def _give_up_without_head(self, address: str, stranger: str) -> None:
        message = self._headless(address)
        if message and stranger:
            where = "%s/rendezvous.json" % self.settings.shared_dir
            self.fail(
                "%s: %s" % (message, stranger),
                "start this cluster's head again; if it has no head any more, remove %s" % where,
            )
        if message:
            self.fail(message, self._headless_hint())

    def attend(self, child: "subprocess.Popen[bytes]", output: Output, spoke: bool) -> None:
        """Holds `ray start` between its imports and its first look for the head's node, until that node is registered.

        A look that comes too early costs two seconds of sleep, and after twenty of them the worker gives up; the
        imports, which take one second, may run while the head's raylet starts. Should we be killed meanwhile, the
        kernel continues the stopped process (its group is orphaned then) and ends it.
        """
        now = time.monotonic()
        if self._hold == _WATCHING and spoke and any(_IMPORTED in line for line in output.lines):
            signal_child(child, signal.SIGSTOP)
            self._hold = now + _LONGEST_HOLD_S
        if self._hold > _WATCHING and (
            now > self._hold or self.probe(self.report.address, head=True).head in ("registered", "")
        ):
            signal_child(child, signal.SIGCONT)
            self._hold = _RELEASED

    def seen(self, probe: Probe) -> None:
        """Remembers when the head last answered, and whether it is still the one that was joined."""
        if not probe.healthy:
            return
        now = time.monotonic()
        self._head_seen = now
        self.cluster_id = self.cluster_id or probe.cluster_id
        # Where nothing answered when Ray was started, whoever came up since may be somebody else's.
        if self._stranger(probe, self.shared.read_rendezvous().get("cluster_id", "")):
            self._unannounced_since = self._unannounced_since or now
        else:
            self._unannounced_since = 0.0
        unannounced = bool(self._unannounced_since) and now - self._unannounced_since > _ANNOUNCING_S
        self._other_head = unannounced or (bool(probe.cluster_id) and probe.cluster_id != self.cluster_id)

    def look(self) -> str:
        """Ends Ray when no head was there for too long, or when the head is another one now."""
        headless = None if self.was_alive else self._headless(self.report.address)
        if headless:
            return self.broken(headless, self._headless_hint())
        now = time.monotonic()
        if not self.settings.rejoin or now - self._moved_looked < _MOVED_POLL_S:
            return ""
        self._moved_looked = now
        if self._other_head or self._rendezvous_moved():
            self.report.say("the head came back as another one, joins it")
            return "moved"
        return ""

    def _rendezvous_moved(self) -> bool:
        rendezvous = self.shared.read_rendezvous()
        generation = rendezvous.get("generation", "")
        if not generation or generation == self.report.generation:
            return False
        if self.cluster_id and rendezvous.get("cluster_id"):
            same = rendezvous["cluster_id"] == self.cluster_id
        else:
            same = not self.report.generation and rendezvous["address"] == self.report.address
        if same:
            # Its rendezvous came after we had already found it by its address.
            self.report.generation = generation
            self.report.record()
        return not same


def launch(role: str, env: Mapping[str, str], launcher: int = 0) -> None:
    """Runs a node of this role to its end.

    Raises LauncherError, one sentence and an exit code, unless it ended as asked.

    `launcher` is the pid of the script that stays with us, 0 when nobody does.
    """
    settings = read_settings(role, env)
    node = (HeadNode if role == "head" else WorkerNode)(settings, env)
    node.report.launcher = launcher
    node.open()
    try:
        check_ray(settings)
        node.go()
    except LauncherError as error:
        if node.report.state != "failed":
            node.report.set_state("failed", str(error), aloud=False)
        node.report.keep(str(error))
        raise
    finally:
        node.close()


def main(arguments: List[str]) -> int:
    """Runs the node that `arguments` name: its role, and the pid of the launcher that stays with it, if one does.

    Returns the exit code of the process: Ray's own, or 0 after a requested end. Why it ended otherwise is the last line
    on stderr.
    """
    if not arguments or arguments[0] not in ("head", "worker"):
        sys.stderr.write("name the role of the node: python raytui_node head, or python raytui_node worker\n")
        return 2
    launcher = int(arguments[1]) if len(arguments) > 1 else 0
    if launcher:
        follow(launcher)
    try:
        launch(arguments[0], os.environ, launcher)
    except LauncherError as error:
        sys.stdout.flush()
        sys.stderr.write("%s\n" % error)
        return error.code
    return 0
