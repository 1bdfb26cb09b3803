"""One Ray node, head or worker, from the first look at the venv to the last process gone: the entry point of both launchers."""

import asyncio
import os
import sys
import time
from typing import Any, Dict, Mapping, NamedTuple, Optional

from ray_files import utc_now
from ray_health import Probe, split_address
from ray_output import lost_gcs, version_mismatch
from ray_settings import LauncherError, check_ray, ray_arguments, read_settings, versions_differ
from ray_supervisor import Ending, Supervisor, new_generation

_FIRST_POLL_S = 0.1
_SLOWEST_POLL_S = 1.0
_MOVED_POLL_S = 1.0
_MOST_LOST_JOINS = 5
"""How often in a row a worker may lose its head before it was ever alive."""


class HeadNode(Supervisor):
    """The head: writes the rendezvous as soon as its own GCS answers, takes it away when it is asked to end."""

    def go(self) -> None:
        """Runs the head to its end."""
        self.generation = new_generation()
        self._announced = False
        self._local = "%s:%d" % (self.settings.node_ip or "127.0.0.1", self.settings.ray_port)
        # A head that is already there answers on our port until our own Ray gives up: it must not be announced as us.
        self._stranger = self.probe(self._local).cluster_id
        ending = self.run_ray(ray_arguments(self.settings, ""))
        self.finish(ending)

    def reason_to_stop(self) -> str:
        reason = super().reason_to_stop()
        if reason:
            # Before Ray ends, so that no worker comes to a head that is going.
            self.shared.remove_rendezvous(self.generation)
        return reason

    def look(self, now: float) -> str:
        if self._announced or self.parts.gcs is None:
            return ""
        probe = self.probe(self._local)
        if not (probe.healthy or probe.refused) or (self._stranger and probe.cluster_id == self._stranger):
            return ""
        self._announced = True
        ip = self.parts.node_ip or "127.0.0.1"
        self.address = "%s:%d" % (ip, self.settings.ray_port)
        self.cluster_id = probe.cluster_id
        host = self.settings.dashboard_host or "127.0.0.1"
        self.shared.write_rendezvous(
            {
                "generation": self.generation,
                "address": self.address,
                "cluster_id": self.cluster_id,
                "dashboard_url": "http://%s:%d" % (ip if host == "0.0.0.0" else host, self.settings.dashboard_port),
                "ray_version": self.versions[0],
                "python_version": self.versions[1],
                "written_at": utc_now(),
            }
        )
        self.set_state("joining", "GCS answers at %s" % self.address)
        return ""


class _Target(NamedTuple):
    address: str
    certain: bool
    """Whether somebody named this address for this run (a rendezvous may be a dead head's)."""
    rendezvous: Dict[str, str]


class WorkerNode(Supervisor):
    """A worker: waits for its head, joins it, and joins the next one when the head comes back as another."""

    def go(self) -> None:
        """Runs the worker to its end, through any number of heads."""
        self._first_generation = self.shared.read_rendezvous().get("generation", "")
        self._head_seen = time.monotonic()
        self._moved_at = 0.0
        self._joined_address = ""
        lost_joins = 0
        while True:
            reason = self._await_head()
            if reason:
                self.finish(Ending(reason, 0, False, ()))
                return
            self.set_state("joining", "the head is at %s" % self.address)
            ending = self.run_ray(ray_arguments(self.settings, self.address))
            lost_joins = 0 if self.was_alive else lost_joins + 1
            if not self._may_rejoin(ending, lost_joins):
                self.finish(ending)
                return
            if ending.reason != "moved":
                self.say("lost the head at %s, waits for it to come back" % self.address)

    def _may_rejoin(self, ending: Ending, lost_joins: int) -> bool:
        if not self.settings.rejoin or lost_joins > _MOST_LOST_JOINS or ending.reason in ("stop", "drain", "broken"):
            return False
        if ending.reason == "moved" or lost_gcs(ending.lines):
            return True
        if not self.was_alive or ending.code == 0:
            return False
        probe = self.probe(self.address)
        return not probe.healthy or (bool(self.cluster_id) and probe.cluster_id != self.cluster_id)

    def _target(self) -> _Target:
        rendezvous = self.shared.read_rendezvous()
        named = self.settings.head_address
        # A rendezvous written after we began is newer than what we were told at the start.
        if rendezvous and (not named or rendezvous.get("generation", "") != self._first_generation):
            return _Target(rendezvous["address"], False, rendezvous)
        if named:
            return _Target(named, True, rendezvous if rendezvous.get("address") == named else {})
        return _Target("localhost:6379", not self.settings.shared_dir, {})

    def _await_head(self) -> str:
        """Waits until a head is worth joining, and takes on its address; a reason to stop instead, or "". Raises LauncherError when the wait is over."""
        began = time.monotonic()
        poll, answering, last = _FIRST_POLL_S, None, ""  # type: float, Optional[float], str
        while True:
            reason = self.reason_to_stop()
            if reason:
                return reason
            target = self._target()
            now = time.monotonic()
            if target.address != last:
                last, answering = target.address, None
            try:
                split_address(target.address)
            except ValueError as error:
                self.fail(str(error), "give it as HOST:PORT in RAY_HEAD_ADDRESS")
            probe = self.probe(target.address)
            self.seen(probe)
            if probe.refused:
                self.fail(probe.problem, "give every node the same RAY_AUTH_MODE and the same token (RAY_AUTH_TOKEN_PATH)")
            answering = (answering or now) if probe.connected else None
            window = self.settings.stable_window
            stable = answering is not None and now - answering >= window
            # Nothing answers at an address we were given: Ray is as good at retrying it as we are, and we still watch the clock.
            overdue = target.certain and now - began >= window
            if probe.healthy or stable or overdue:
                self._refuse_other_versions(probe, target)
                self.address, self.cluster_id = target.address, probe.cluster_id
                self.generation = self.shared.read_rendezvous().get("generation", "")
                return ""
            self._give_up_without_head(target.address)
            self.set_state("waiting", "waiting for the head: " + probe.problem)
            self.pause(poll)
            poll = min(poll * 1.05, _SLOWEST_POLL_S)

    def _refuse_other_versions(self, probe: Probe, target: _Target) -> None:
        known = target.rendezvous if probe.healthy and target.rendezvous.get("cluster_id", probe.cluster_id) == probe.cluster_id else {}
        head = (probe.ray_version or known.get("ray_version", ""), known.get("python_version", ""))
        if versions_differ(head, self.versions, self.env):
            words = ["Ray %s and Python %s" % (ray or "unknown", python or "unknown") for ray, python in (head, self.versions)]
            self.fail(*version_mismatch(*words))

    def _give_up_without_head(self, address: str) -> None:
        if time.monotonic() - self._head_seen > self.settings.head_timeout:
            self.fail(
                "no Ray head answered at %s for %g s, so this worker ended itself" % (address, self.settings.head_timeout),
                self.envoy_hint() or "start the head, then start this worker again",
            )

    def seen(self, probe: Probe) -> None:
        if probe.healthy:
            self._head_seen = time.monotonic()
            if self.state in ("joining", "alive") and not self.cluster_id:
                self.cluster_id = probe.cluster_id

    def look(self, now: float) -> str:
        if not self.was_alive and now - self._head_seen > self.settings.head_timeout:
            self.set_state(
                "failed",
                "no Ray head answered at %s for %g s, so this worker ended itself" % (self.address, self.settings.head_timeout),
                self.envoy_hint() or "start the head, then start this worker again",
            )
            return "broken"
        if not self.settings.rejoin or now - self._moved_at < _MOVED_POLL_S:
            return ""
        self._moved_at = now
        return "moved" if self._head_moved() else ""

    def _head_moved(self) -> bool:
        rendezvous = self.shared.read_rendezvous()
        generation = rendezvous.get("generation", "")
        if generation and generation != self.generation:
            same = (
                rendezvous.get("cluster_id", "") == self.cluster_id
                if self.cluster_id and "cluster_id" in rendezvous
                else (not self.generation and rendezvous["address"] == self.address)
            )
            if not same:
                self.say("the head came back as another one, at %s" % rendezvous["address"])
                return True
            self.generation = generation
            self.record()
        return False


def _in_kernel(namespace: Dict[str, Any]) -> bool:
    """Whether a notebook kernel executes our text: there a loop runs already, or there is no file, and SystemExit counts as failure."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return "__file__" not in namespace or "get_ipython" in namespace
    return True


def launch(role: str, env: Mapping[str, str]) -> None:
    """Runs a node of this role to its end. Raises LauncherError, one sentence and an exit code, unless it ended as asked."""
    settings = read_settings(role, env)
    node = (HeadNode if role == "head" else WorkerNode)(settings, env)
    node.open()
    try:
        check_ray(settings)
        node.go()
    except LauncherError as error:
        if node.state != "failed":
            node.set_state("failed", str(error))
        node.keep(str(error))
        raise
    finally:
        node.close()


def run(role: str, namespace: Dict[str, Any]) -> None:
    """Runs `role` ("head" or "worker"): exits the process with Ray's code, or, in a kernel, returns after a clean end and raises after any other.

    `namespace` is the caller's globals(), which tell a script from a kernel.
    """
    kernel = _in_kernel(namespace)
    try:
        launch(role, os.environ)
    except LauncherError as error:
        if kernel:
            raise LauncherError(str(error), error.code) from None
        sys.stdout.flush()
        print(error, file=sys.stderr, flush=True)
        sys.exit(error.code)
    if not kernel:
        sys.exit(0)
