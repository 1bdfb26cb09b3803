"""Where a launcher says how its node is: stdout, the kept log, its row in the shared folder and the status page."""

import codecs
import os
import sys
import time
from typing import Dict, Optional, Tuple

from raytui_node.files import RotatingLog, SharedFolder, utc_now
from raytui_node.process import NOTHING_YET
from raytui_node.settings import Settings

_HEARTBEAT_S = 10.0


_ENVOY_HINT = (
    "an Envoy sidecar is in this pod: ask the administrator to let plain TCP between the project's pods "
    "pass the mesh (mTLS permissive)"
)


class Report:
    """The state of one node in words and facts.

    Whoever learns a fact sets its field; `set_state` and `record` tell it.
    """

    def __init__(self, settings: Settings, versions: Tuple[str, str], shared: SharedFolder) -> None:
        self.state, self.message, self.hint = "starting", "", ""
        self.parts = NOTHING_YET
        self.ray_pid = 0
        self.launcher = 0
        self.address = self.generation = ""
        self.exit_code: Optional[int] = None
        self.envoy = False
        self._settings = settings
        self._versions = versions
        self._shared = shared
        self._since = utc_now()
        self._recorded = 0.0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        # A pod's stdout cannot be read from outside, so there the log is kept in the shared folder too.
        self._log: Optional[RotatingLog] = shared.open_log() if settings.in_cai and settings.shared_dir else None

    def say(self, text: str) -> None:
        """One line of our own on stdout and in the kept log."""
        self.echo(("%s raytui: %s: %s\n" % (utc_now(), self._settings.application, text)).encode("utf-8"))

    def echo(self, data: bytes) -> None:
        """Passes bytes on, unbuffered. Nobody reading them is no reason for a node to end."""
        if self._log is not None:
            self._log.write(data)
        text = self._decoder.decode(data)
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except UnicodeEncodeError:
            sys.stdout.write(text.encode("ascii", "backslashreplace").decode("ascii"))
        except (OSError, ValueError):
            return

    def keep(self, text: str) -> None:
        """Writes a last sentence to the kept log only, when somebody else prints it."""
        if self._log is not None:
            self._log.write(("%s raytui: %s\n" % (utc_now(), text)).encode("utf-8"))

    def set_state(self, state: str, message: str = "", hint: str = "", aloud: bool = True) -> None:
        """Takes on a state and tells it everywhere, once.

        Not `aloud` when it is the last word, which somebody else prints.
        """
        if aloud and (state, message, hint) == (self.state, self.message, self.hint):
            return
        if state != self.state:
            self._since = utc_now()
        self.state, self.message, self.hint = state, message, hint
        if aloud:
            self.say(state + (": " + message if message else "") + (" (%s)" % hint if hint else ""))
        self.record()

    def record(self) -> None:
        """Writes this node's row to the shared folder."""
        self._recorded = time.monotonic()
        s = self._settings
        self._shared.write_node(
            {
                "application": s.application,
                "cluster": s.cluster,
                "role": s.role,
                "engine_id": s.engine_id,
                "pid": self.launcher or os.getpid(),
                "ray_pid": self.ray_pid,
                "state": self.state,
                "node_id": self.parts.node_id,
                "generation": self.generation,
                "address": self.address,
                "ip": self.parts.node_ip or s.node_ip,
                "ray_version": self._versions[0],
                "python_version": self._versions[1],
                "cpus": s.cpus,
                "gpus": s.gpus,
                "memory_bytes": s.memory,
                "object_store_bytes": s.object_store,
                "shm_bytes": s.shm,
                "envoy_sidecar": self.envoy,
                "message": self.message,
                "hint": self.hint,
                "exit_code": self.exit_code,
                "at": utc_now(),
            }
        )

    def beat(self) -> None:
        """Writes the row again when ten seconds have passed."""
        if time.monotonic() - self._recorded >= _HEARTBEAT_S:
            self.record()

    def network_hint(self) -> str:
        """What to look at when nodes lose each other."""
        return _ENVOY_HINT if self.envoy else "check the network between the nodes"

    def facts(self) -> Dict[str, str]:
        """What the status page shows: no environment, no secrets."""
        return {
            "application": self._settings.application,
            "role": self._settings.role,
            "cluster": self._settings.cluster,
            "state": self.state,
            "since": self._since,
            "message": self.message,
        }

    def close(self) -> None:
        """Closes the kept log."""
        if self._log is not None:
            self._log.close()
