"""Ray's logs of each life of a node as its launcher shipped them, kept where they outlive its disk.

They lie below `logs/<node>/<life>/` of the shared folder (written by launchers/raytui_node/shipped_logs.py), and this
is the one reading of that layout for every platform.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from raytui.core.units import parse_time, sanitize

LIFE_RECORD = "life.json"
"""The file of a life's folder that says whose it is and how far it was written."""
_PART = re.compile(r"(?P<log>.+)\.(?P<begin>\d{15})\.gz")
_WORDS = ("cluster", "application", "engine_id", "node_id", "session", "started_at", "at")
_LIFE = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")


class LogPart(msgspec.Struct, frozen=True):
    """One file of a kept log: gzip members in a row."""

    path: str
    """Where the store finds it."""
    begin: int
    """Where in the log its first byte stands."""
    size: int
    """Compressed bytes."""


class NodeLife(msgspec.Struct, frozen=True):
    """One life of a node, from a start of Ray to its end; fields that a record lacks are empty."""

    node: str = ""
    """Name of the application within its cluster: `head`, `worker-1`."""
    name: str = ""
    """Name of the life's folder; it begins with the time of its start in UTC, so names sort by time."""
    cluster: str = ""
    application: str = ""
    engine_id: str = ""
    """The run of the application."""
    node_id: str = ""
    """Ray's id of the node; empty where it never had one."""
    session: str = ""
    """Ray's name of the session in which its logs were written."""
    started_at: str = ""
    at: str = ""
    """When all that was written until then had been shipped, RFC 3339."""
    ended: bool = False
    """Whether everything was shipped after Ray's last process had ended."""
    unreadable: str = ""
    """Why its folder, or without a name that of all lives of the node, could not be read; then no logs of it are known.
    """
    logs: dict[str, tuple[LogPart, ...]] = {}
    """The parts of each log by Ray's name of it, in order; the oldest may have given way."""

    @property
    def label(self) -> str:
        """What stands in place of the node in the names of its logs: `worker-1@20261125T004712Z-0a1b2c`."""
        return f"{self.node}@{self.name}"

    @property
    def until(self) -> float:
        """Seconds since 1970 of the moment until which nothing is missing; 0 when unknown."""
        return parse_time(self.at) if self.at else 0.0


def is_node(name: str) -> bool:
    """Whether a folder of this name may hold the lives of a node: no other name comes from a launcher."""
    return name.isprintable() and name.strip(".") != "" and "/" not in name


def is_life(name: str) -> bool:
    """Whether a folder of this name may hold a life."""
    return _LIFE.fullmatch(name) is not None


def life_of(node: str, name: str, folder: str, record: bytes, files: Iterable[tuple[str, int]]) -> NodeLife:
    """A life from its record, which may be missing or damaged, and names and sizes of the files in its folder."""
    try:
        life = msgspec.json.decode(record, type=NodeLife, strict=False) if record else NodeLife()
    except (msgspec.MsgspecError, RecursionError):
        life = NodeLife()
    logs: dict[str, list[LogPart]] = {}
    for file, size in files:
        found = _PART.fullmatch(file)
        if found is None or not size:
            continue
        log = found["log"].replace("~1", "/").replace("~0", "~")
        if log.isprintable() and all(part.strip(".") for part in log.split("/")):
            logs.setdefault(log, []).append(LogPart(f"{folder}/{file}", int(found["begin"]), size))
    parts = {log: tuple(sorted(held, key=lambda part: part.begin)) for log, held in sorted(logs.items())}
    # What a record says is shown: nothing in it may be more than words.
    said = {field: sanitize(getattr(life, field)) for field in _WORDS}
    return msgspec.structs.replace(life, node=node, name=name, unreadable="", logs=parts, **said)
