"""What raytui needs of a platform: applications made and ended, files kept, and what can be made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from raytui.core.marker import Marker
from raytui.core.observed.holdings import Holdings
from raytui.core.observed.shipped_logs import NodeLife
from raytui.core.observed.snapshot import Application
from raytui.core.platforms import PlatformName
from raytui.core.protocols.dashboard import DashboardTarget
from raytui.core.remedy import Hint
from raytui.core.spec import ClusterSpec

CheckStatus = Literal["ok", "warn", "fail", "skip"]


class CreateRequest(msgspec.Struct, frozen=True):
    """One application to be made."""

    name: str
    marker: Marker
    cpu: float
    memory: float
    """GB."""
    gpus: int
    environment: dict[str, str]
    """What the launcher reads; the platform adds its own variables. Never holds a secret."""
    runtime_identifier: str = ""
    script: str = ""
    spec_json: str = ""
    accelerator: str = ""
    """The node label that names the kind of GPU, or the platform's own id of it; empty for any."""
    resource_group_id: int = 0
    """0 leaves that to the platform."""
    resource_profile_id: int = 0
    """0 leaves that to the platform."""
    shared_memory: float = 0.0
    """GB that the project is to allow each pod at least; 0 leaves it as it is."""


class Check(msgspec.Struct, frozen=True):
    """One row of the preflight."""

    name: str
    status: CheckStatus
    message: str
    hint: Hint = ""
    field: str = ""
    """The spec's field that is to blame, when one is; a failing check with a field becomes a Problem of `start`."""
    choices: tuple[str, ...] = ()
    """What would do in its place: every one that the platform has."""


class LogChunk(msgspec.Struct, frozen=True):
    """A part of an application's launcher output."""

    data: bytes
    offset: int
    """Where `data` begins; smaller than what was asked for when the log was rotated."""
    end: int
    """Where to go on reading."""


class LogPlaces(msgspec.Struct, frozen=True):
    """Where logs of one application lie as files of this machine; empty for what does not."""

    output: str = ""
    """Path of the launcher's output."""
    sessions: str = ""
    """Folder below which Ray keeps its sessions, each with a folder `logs`."""


async def not_here(_store: object, application: Application) -> LogPlaces:  # noqa: ARG001  # of whatever application
    """The places of a platform whose nodes run on other machines: none."""
    return LogPlaces()


class Store(Protocol):
    """What a platform keeps of its clusters: launchers, the output of nodes, and what was last asked for."""

    async def write_launchers(self, cluster: str, files: Mapping[str, bytes]) -> dict[str, str]:
        """Store the launchers, mode 0755, atomically, and answer the path under which an application runs each.

        Cancelling is safe.
        """
        ...

    async def read_file(self, path: str) -> bytes:
        """The file at a path that this store answered; raises `NotFound`."""
        ...

    async def tail(self, application: Application, offset: int | None = None, limit: int = 65536) -> LogChunk:
        """The launcher's output: the last `limit` bytes, or up to `limit` bytes from `offset` on."""
        ...

    async def places(self, application: Application) -> LogPlaces:
        """Where its logs can be read directly, which costs less than asking for them."""
        ...

    async def kept_logs(self, application: Application) -> dict[str, str]:
        """Paths for `read_file` of the ends of Ray's logs that a launcher kept when its node ended, by Ray's names."""
        ...

    async def lives(self, cluster: str) -> tuple[NodeLife, ...]:
        """What launchers shipped, by node and time; needs no application. Its paths are for `read_file`."""
        ...

    async def record_spec(self, cluster: str, spec: ClusterSpec | None) -> None:
        """Record with the cluster what was last asked for; none removes the record, and what is not there is fine."""
        ...

    async def recorded_spec(self, cluster: str) -> ClusterSpec | None:
        """What was last asked for of this cluster; none when nothing is recorded, or only what cannot be understood.

        A record without applications says nothing: it is what a run left that was killed.
        """
        ...

    async def purge(self, cluster: str) -> tuple[str, ...]:
        """Remove all that is kept of a cluster, its logs and what a deploy made for it too; what was removed.

        Raises `RefusedForSafety` while it has applications.
        """
        ...

    def place_of(self, cluster: str) -> str:
        """Where that is kept, in words; empty where nothing is."""
        ...


class Specs(Protocol):
    """What a platform says of a spec before anything is made from it."""

    async def preflight(self, spec: ClusterSpec) -> tuple[Check, ...]:
        """What could keep this spec from running, found without changing anything."""
        ...

    async def resolve_ports(self, spec: ClusterSpec) -> ClusterSpec:
        """The spec with every `auto` port replaced by a free one."""
        ...

    async def complete(self, spec: ClusterSpec) -> ClusterSpec:
        """The spec with what was left out or is `auto`, where the platform can choose it by itself.

        Such as the newest fitting images. Raises `ConfigurationError` when nothing fits.
        """
        ...

    async def deployed(self, cluster: str) -> ClusterSpec | None:
        """What a deploy left for the cluster of this name; none when it left nothing that can be understood."""
        ...


class Platform(Protocol):
    """Where applications run. Every method has a deadline of its own and raises only errors of `raytui.core.errors`."""

    name: PlatformName

    @property
    def store(self) -> Store:
        """What it keeps of its clusters."""
        ...

    @property
    def specs(self) -> Specs:
        """What it says of a spec."""
        ...

    @property
    def appears_within(self) -> float:
        """For how many seconds after a create was sent its application may be on no list yet.

        0 where a list is never behind.
        """
        ...

    async def list(self, cluster: str | None = None) -> tuple[Application, ...]:
        """The applications that carry our marker, of one cluster or of all, head first, workers by index."""
        ...

    async def conflicts(self, names: tuple[str, ...], cluster: str = "") -> tuple[str, ...]:
        """Those of `names` that belong to somebody else on this platform, or to another cluster than `cluster`."""
        ...

    async def prepare(self, requests: Sequence[CreateRequest]) -> None:
        """Make what these applications need before the first of them is created, such as the cluster's Ray token.

        Cancelling is safe.
        """
        ...

    async def create(self, request: CreateRequest, *, until: float = math.inf) -> Application:
        """Make one application; after an ambiguous answer look for it and adopt it rather than make it twice.

        `until` is the moment (loop time) from which on it is only looked for, and not asked for again.
        """
        ...

    async def stop(self, application: Application, *, wait: bool = True) -> None:
        """Ask the application to end, gracefully, and wait until the platform shows that it did.

        Without `wait` it returns when the platform has accepted that. Cancelling is safe: asking again is.
        """
        ...

    async def restart(self, application: Application) -> Application:
        """Stop and start the application, and answer the one that exists then.

        Where it had to be made again it has another id. Raises `NotFound` when it no longer exists. Cancelled, it is
        given up at once, and the application may be stopped; once it had to be deleted it is made again and answered
        all the same.
        """
        ...

    async def delete(self, application: Application, *, wait: bool = True) -> None:
        """Remove the application and wait until the platform no longer lists it; what is gone already is fine.

        An application that no list shows (yet) is removed by its id, and looked for until a list that lags would show
        it. Without `wait` it returns when the platform has accepted the request. Cancelling is safe: asking again is.
        """
        ...

    async def drain(self, application: Application, timeout: float) -> bool:
        """Ask the Ray node of a worker to finish its tasks and leave.

        True when it is known to have left within `timeout` seconds.
        """
        ...

    async def forget(self, cluster: str) -> None:
        """Remove what the cluster's nodes left in the shared folder; only for a cluster without applications."""
        ...

    async def holdings(self) -> Holdings | None:
        """Who holds what of the platform, and how much may be held; none where the platform keeps no account of that.

        What could not be read is named in the answer, so nothing is raised for it.
        """
        ...

    async def dashboard(self, head: Application) -> DashboardTarget:
        """Where the head's dashboard answers from here; raises `Unreachable` when it cannot be reached by design."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
