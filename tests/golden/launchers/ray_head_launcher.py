#!/usr/bin/env python3
# Starts the head of a Ray cluster and stays with it until it ends.
#
# Runs with the standard library of Python 3.8 or newer; Ray lives in the virtual environment that RAYTUI_VENV names (default ~/.venv).
# Everything it does can be set through the environment: see the names in read_settings().

import codecs
import contextlib
import ctypes
import glob
import hashlib
import html
import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import uuid
from collections import deque
from typing import Any, Callable, Deque, Dict, Iterable, List, Mapping, Match, NamedTuple, Optional, Sequence, Set, Tuple


# ray_output.py
#
# What Ray's last words mean: turns the output of `ray start` into one sentence and one hint.
#
# `ray start` answers almost every mistake with exit code 1 and a traceback; the reason stands somewhere in the text.
# The texts were recorded from Ray 2.60; an unknown text yields the exit code and Ray's own last line, never a guess.

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
_RECORD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+\s+(?:[A-Z]+)\s+\S+\.py:\d+ -- ")
_GCS_LOST = re.compile(r"Failed to connect to GCS within \d+ seconds|GCS may have been killed")

GCS_LOST_MESSAGE = "the head is gone: this node lost the connection to GCS"


def plain(text: str) -> str:
    """The text without terminal escapes and control characters, so that it is harmless wherever it is shown."""
    return "".join(c for c in _ANSI.sub("", text) if c == "\t" or (c.isprintable()))


def lost_gcs(lines: Sequence[str]) -> bool:
    """Whether the raylet said that it ended because the head's GCS did not answer for 60 s."""
    return any(_GCS_LOST.search(line) for line in lines)


def _versions(found: Match[str]) -> Tuple[str, str]:
    head = "Ray %s and Python %s" % (found.group("ray"), found.group("python"))
    own = "Ray %s and Python %s" % (found.group("own_ray"), found.group("own_python"))
    return version_mismatch(head, own)


def version_mismatch(head: str, own: str) -> Tuple[str, str]:
    """The sentence and hint for a worker whose versions differ from the head's; each side reads like `Ray 2.60.0 and Python 3.11.7`."""
    return (
        "versions differ: the head runs %s, this node %s" % (head, own),
        "use one venv for head and workers (the same Ray, and the same Python down to the patch release)",
    )


def _fixed(message: str, hint: str) -> Callable[[Match[str]], Tuple[str, str]]:
    def fill(found: Match[str]) -> Tuple[str, str]:
        groups = {name: (value or "").strip() for name, value in found.groupdict().items()}
        return message.format(**groups), hint.format(**groups)

    return fill


def _rule(pattern: str, message: str, hint: str) -> Tuple["re.Pattern[str]", Callable[[Match[str]], Tuple[str, str]]]:
    return re.compile(pattern, re.S), _fixed(message, hint)


# The first rule that matches wins: a specific text stands before a general one that may follow it in the same output.
_RULES: List[Tuple["re.Pattern[str]", Callable[[Match[str]], Tuple[str, str]]]] = [
    (
        re.compile(
            r"Version mismatch: The cluster was started with:\s+Ray: (?P<ray>\S+)\s+Python: (?P<python>\S+)\s+"
            r".*?was started with:\s+Ray: (?P<own_ray>\S+)\s+Python: (?P<own_python>\S+)",
            re.S,
        ),
        _versions,
    ),
    _rule(
        r"Version mismatch: The cluster was started with:",
        "the Ray or Python version of this node differs from the head's",
        "use one venv for head and workers (the same Ray, and the same Python down to the patch release)",
    ),
    _rule(
        r"RAY_AUTH_TOKEN_PATH is set but file cannot be opened or is empty: (?P<path>[^\n]*)",
        "the token file {path} cannot be read or is empty",
        "write the cluster's token to that file (mode 0600) or correct RAY_AUTH_TOKEN_PATH",
    ),
    _rule(
        r"Token authentication is enabled but no authentication token was found",
        "RAY_AUTH_MODE=token is set but there is no token",
        "set RAY_AUTH_TOKEN_PATH to the file that holds the cluster's token",
    ),
    _rule(
        r"InvalidAuthToken: Authentication token is missing or incorrect\. *Note: RAY_AUTH_MODE is currently 'disabled'",
        "the head asks for a token and this node sends none",
        "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH as on the head",
    ),
    _rule(
        r"InvalidAuthToken",
        "the head refused this node's token",
        "give every node the same token: RAY_AUTH_TOKEN_PATH must point to the file that the head uses",
    ),
    _rule(
        r"Ray is trying to start at (?P<own>\S+), but is already running at (?P<other>\S*[^.\s])",
        "a Ray head already runs at {other}",
        "stop that Ray, or choose other ports with RAYTUI_RAY_PORT and RAYTUI_DASHBOARD_PORT",
    ),
    _rule(
        r"Session name \S+ does not match persisted value",
        "another Ray head already answers on this GCS port",
        "stop that Ray, or choose another port with RAYTUI_RAY_PORT",
    ),
    _rule(
        r"Failed to start GCS.*?specified port is (?P<port>\d+)",
        "GCS could not start on port {port}: the port is taken by another program",
        "free the port, or choose another with RAYTUI_RAY_PORT",
    ),
    _rule(
        r"Failed to start GCS",
        "GCS could not start",
        "read gcs_server.err in Ray's log folder",
    ),
    _rule(
        r"Ray component (?P<component>\S+) is trying to use a port number (?P<port>\d+) that is used by other components",
        "port {port} lies in a range that Ray uses itself ({component})",
        "choose a port outside 10002-19999",
    ),
    _rule(
        r"ray_client_server \[exit code=.*?Failed to bind to address (?P<address>\S+)",
        "the Ray client server could not bind {address}: the port is taken",
        "choose another port with RAYTUI_CLIENT_PORT",
    ),
    _rule(
        r"AF_UNIX path length cannot exceed \d+ bytes: (?P<path>[^\n']*)",
        "the temporary directory is too long for Ray's sockets: {path}",
        "set RAYTUI_TEMP_DIR to a short path such as /tmp/r",
    ),
    _rule(
        r"Attempting to cap object store memory usage at (?P<asked>\d+) bytes, but the minimum allowed is (?P<least>\d+)",
        "the object store of {asked} bytes is below Ray's minimum of {least} bytes",
        "raise RAYTUI_OBJECT_STORE_BYTES, or leave it out",
    ),
    _rule(
        r"Invalid address format: (?P<address>[^\s{}]+)",
        "the head address {address} has no port",
        "give it as HOST:PORT in RAY_HEAD_ADDRESS",
    ),
    _rule(
        r"`--address` is a required flag unless starting a head node",
        "ray start got neither --head nor --address",
        "start a worker with RAY_HEAD_ADDRESS=HOST:PORT",
    ),
    _rule(
        r"`(?P<flag>--[\w-]+)` should only be specified when starting head node",
        "the flag {flag} is for the head only",
        "remove it from the worker's settings",
    ),
    _rule(
        r"No such option:? '?(?P<flag>--[\w-]+)",
        "this Ray does not know the option {flag}",
        "install the Ray version that these launchers were made for",
    ),
    _rule(
        r"`--resources=(?P<value>[^`]*)` is not a valid JSON string",
        "the custom resources are not valid JSON: {value}",
        'write them as {{"NAME": NUMBER}}',
    ),
    _rule(
        r"The current node timed out during startup",
        "the node did not become ready within Ray's 30 s limit",
        "the machine is probably overloaded: give the node more CPU or start it again",
    ),
    _rule(
        r"(?P<what>Out of memory|OutOfMemoryError|Cannot allocate memory)",
        "the node ran out of memory",
        "give the node more memory or run less on it",
    ),
    _rule(
        r"No space left on device",
        "the disk is full",
        "free space in Ray's temporary directory or move it with RAYTUI_TEMP_DIR",
    ),
]

# What a node says while it lives on: worth telling, not a reason to end.
_WARNINGS = [
    _rule(
        r"Failed to bind to (?P<address>\S+) because it's already occupied",
        "the dashboard could not bind {address}: the port is taken, this head runs without a dashboard",
        "free the port or choose another with RAYTUI_DASHBOARD_PORT, then restart the head",
    ),
    _rule(
        r"The object store is using (?P<path>\S+) instead of /dev/shm",
        "the object store lies in {path} because /dev/shm is too small, which makes it slow",
        "raise the project's shared_memory_limit and create the application again",
    ),
]
_UNREACHABLE = re.compile(r"Failed to connect to GCS at address (?P<address>[^\s,]+) within")
_SUBPROCESS = re.compile(r"^\s*(?P<name>[a-z_]+) \[exit code=(?P<code>-?\d+)\]", re.M)
_SUBPROCESS_REASON = {
    "raylet": "the raylet ended",
    "gcs_server": "GCS ended",
    "dashboard": "the dashboard ended, and a head ends with it",
    "log_monitor": "the log monitor ended",
    "monitor": "the autoscaler monitor ended",
    "ray_client_server": "the Ray client server ended",
}


def warning(lines: Sequence[str]) -> Tuple[str, str]:
    """The sentence and hint for something that a living node complained about; two empty strings when nothing is known."""
    text = "\n".join(_RECORD.sub("", plain(line)) for line in lines)
    for pattern, fill in _WARNINGS:
        found = pattern.search(text)
        if found:
            return fill(found)
    return "", ""


def _last_words(lines: Sequence[str]) -> str:
    for line in reversed(lines):
        words = line.strip()
        if re.match(r"(?:\w+\.)*\w*(?:Error|Exception)\b.*: |Error: ", words):
            return words
    for line in reversed(lines):
        words = line.strip(" -\t")
        if words:
            return words
    return ""


def _ending(exit_code: Optional[int]) -> str:
    if exit_code is None:
        return "Ray has not ended"
    if exit_code < 0:
        return "Ray was ended by signal %d" % -exit_code
    return "Ray ended with exit code %d" % exit_code


def explain(output_lines: Sequence[str], exit_code: Optional[int]) -> Tuple[str, str]:
    """Why `ray start` ended, as (message, hint): one sentence without a full stop, and what to do next ("" when nothing helps).

    `output_lines` are its last lines, colours allowed; `exit_code` as subprocess gives it (negative: ended by that signal).
    """
    lines = [_RECORD.sub("", plain(line)) for line in output_lines]
    text = "\n".join(lines)
    for pattern, fill in _RULES:
        found = pattern.search(text)
        if found:
            return fill(found)
    if lost_gcs(lines):
        return GCS_LOST_MESSAGE, "start the head again; the worker joins it by itself"
    parts = _SUBPROCESS.findall(text)
    if parts:
        name, code = parts[-1]
        what = _SUBPROCESS_REASON.get(name, "Ray's process %s ended" % name)
        by = "killed by signal %d" % -int(code) if int(code) < 0 else "exit code %s" % code
        return "%s (%s)" % (what, by), "read the last lines of %s in Ray's log folder" % name
    found = _UNREACHABLE.search(text)
    if found and exit_code not in (0, None):
        return (
            "no Ray head answers at %s" % found.group("address"),
            "check that the head runs and that RAY_HEAD_ADDRESS names its GCS port",
        )
    words = _last_words(lines)
    ending = _ending(exit_code)
    return ("%s; its last words: %s" % (ending, words[:300]), "") if words and exit_code else (ending, "")


# ray_health.py
#
# Asks a Ray head whether it is one: a gRPC call to GCS in plain sockets.
#
# A TCP connect proves nothing (under an Envoy sidecar every connect succeeds) and `ray health-check` costs two seconds of imports.
# GCS answers all calls in a few milliseconds on one HTTP/2 connection: the standard health service (also without a token), CheckAlive
# (Ray's version and whether a node counts as alive), GetClusterId (it changes when the head is a new one), and two that tell how far
# a starting head is. Measured with Ray 2.60, with and without token authentication.

_HEALTH = "/grpc.health.v1.Health/Check"
_ALIVE = "/ray.rpc.NodeInfoGcsService/CheckAlive"
_CLUSTER = "/ray.rpc.NodeInfoGcsService/GetClusterId"
_NODES = "/ray.rpc.NodeInfoGcsService/GetAllNodeInfo"
_VALUE = "/ray.rpc.InternalKVGcsService/InternalKVGet"
# GetAllNodeInfoRequest{limit: 1, node_selectors: [{is_head_node: true}]}
_HEAD_NODE = b"\x08\x01\x12\x02\x20\x01"
# InternalKVGetRequest{key: "webui:url", namespace: "dashboard"}: written when the dashboard is up, just before the head's raylet starts.
_DASHBOARD = b"\x0a\x09webui:url\x12\x09dashboard"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY = 0, 1, 3, 4, 6, 7
_END_STREAM, _END_HEADERS, _ACK = 1, 4, 1
_SERVING = b"\x08\x01"
_STATUS = re.compile(rb"grpc-status.(\d{1,2})", re.S)
_UNAUTHENTICATED = 16


class Probe(NamedTuple):
    """What one look at an address found."""

    connected: bool
    """A TCP connection was accepted; says little by itself."""
    healthy: bool
    """GCS answered the health check with SERVING, and its token check did not refuse us."""
    refused: bool
    """GCS is there but refuses the token (or its absence)."""
    ray_version: str
    cluster_id: str
    """Hexadecimal; another one at the same address means another head."""
    node_alive: Optional[bool]
    """Whether GCS counts the asked node as alive; None when not asked or not answered."""
    head: str
    """How far the head is: starting, ready (its raylet is being started), registered; "" when not asked or not answered."""
    problem: str
    """Why it is not healthy, in words."""


def split_address(address: str) -> Tuple[str, int]:
    """HOST and PORT of `HOST:PORT`; raises ValueError when it is not one."""
    host, colon, port = address.strip().rpartition(":")
    host = host.strip("[]")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("the head address %r is not HOST:PORT" % address)
    return host, int(port)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _hpack_text(text: str) -> bytes:
    raw = text.encode("utf-8")
    if len(raw) < 127:
        return bytes([len(raw)]) + raw
    head, rest = bytearray([127]), len(raw) - 127
    while rest >= 128:
        head.append(rest % 128 + 128)
        rest //= 128
    return bytes(head) + bytes([rest]) + raw


def _request(stream: int, authority: str, path: str, token: str, message: bytes) -> bytes:
    fields = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", authority)]
    fields += [("te", "trailers"), ("content-type", "application/grpc")]
    if token:
        fields.append(("authorization", "Bearer " + token))
    block = b"".join(b"\0" + _hpack_text(name) + _hpack_text(value) for name, value in fields)
    body = b"\0" + struct.pack(">I", len(message)) + message
    return _frame(_HEADERS, _END_HEADERS, stream, block) + _frame(_DATA, _END_STREAM, stream, body)


def _exchange(conn: socket.socket, requests: bytes, streams: List[int], deadline: float) -> Tuple[Dict[int, bytes], Dict[int, int]]:
    """Bodies and gRPC statuses by stream. The status is read from the header block as it stands: gRPC's C core sends it as plain text."""
    bodies: Dict[int, bytes] = {}
    statuses: Dict[int, int] = {}
    conn.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(_SETTINGS, 0, 0, b"") + requests)
    waiting, buffer = set(streams), b""
    while waiting:
        left = deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        conn.settimeout(left)
        chunk = conn.recv(65536)
        if not chunk:
            break
        buffer += chunk
        while len(buffer) >= 9:
            length = int.from_bytes(buffer[:3], "big")
            if length > 1 << 20:
                return bodies, statuses
            if len(buffer) < 9 + length:
                break
            kind, flags, stream = buffer[3], buffer[4], int.from_bytes(buffer[5:9], "big") & 0x7FFFFFFF
            payload, buffer = buffer[9 : 9 + length], buffer[9 + length :]
            if kind == _SETTINGS and not flags & _ACK:
                conn.sendall(_frame(_SETTINGS, _ACK, 0, b""))
            elif kind == _PING and not flags & _ACK:
                conn.sendall(_frame(_PING, _ACK, 0, payload))
            elif kind == _DATA:
                bodies[stream] = bodies.get(stream, b"") + payload
            elif kind == _HEADERS:
                found = _STATUS.search(payload)
                if found:
                    statuses[stream] = int(found.group(1))
            if kind == _GOAWAY:
                return bodies, statuses
            if kind == _RESET or (kind in (_DATA, _HEADERS) and flags & _END_STREAM):
                waiting.discard(stream)
    return bodies, statuses


def _message(body: bytes) -> bytes:
    if len(body) < 5 or body[0] != 0 or len(body) < 5 + int.from_bytes(body[1:5], "big"):
        return b""
    return body[5 : 5 + int.from_bytes(body[1:5], "big")]


def _varint(data: bytes, at: int) -> Tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    return value, at


def _fields(data: bytes) -> Dict[int, bytes]:
    """The length-delimited fields of a protobuf message by number; others are passed over."""
    found: Dict[int, bytes] = {}
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            _, at = _varint(data, at)
        elif kind == 2:
            size, at = _varint(data, at)
            found[key >> 3] = data[at : at + size]
            at += size
        else:
            at += {1: 8, 5: 4}.get(kind, len(data))
    return found


def probe_gcs(address: str, token: str = "", node_id: str = "", head: bool = False, timeout: float = 1.0) -> Probe:
    """One look at GCS on `address` (HOST:PORT); never raises for what the network does. `timeout` in seconds is for the whole look.

    `node_id` asks whether this node is alive, `head` how far the head is.
    Raises ValueError when the address is not HOST:PORT.
    """
    host, port = split_address(address)
    deadline = time.monotonic() + timeout
    alive = b""
    if node_id and re.fullmatch(r"(?:[0-9a-f]{2}){1,100}", node_id):
        raw = bytes.fromhex(node_id)
        alive = b"\x0a" + bytes([len(raw)]) + raw
    calls = [(1, _HEALTH, b""), (3, _ALIVE, alive), (5, _CLUSTER, b"")] + (
        [(7, _NODES, _HEAD_NODE), (9, _VALUE, _DASHBOARD)] if head else []
    )
    connected = False
    try:
        with socket.create_connection((host, port), timeout) as conn:
            connected = True
            requests = b"".join(_request(stream, "%s:%d" % (host, port), path, token, body) for stream, path, body in calls)
            bodies, statuses = _exchange(conn, requests, [stream for stream, _, _ in calls], deadline)
    except (OSError, UnicodeError) as error:
        if connected:
            return Probe(True, False, False, "", "", None, "", "%s accepts connections but does not answer as a Ray head" % address)
        reason = getattr(error, "strerror", None) or error
        return Probe(False, False, False, "", "", None, "", "nothing answers at %s (%s)" % (address, reason))
    if _UNAUTHENTICATED in statuses.values():
        return Probe(True, False, True, "", "", None, "", "the Ray head at %s refuses the token" % address)
    facts = _fields(_message(bodies.get(3, b"")))
    ray_version = facts.get(2, b"").decode("ascii", "replace")
    flags = facts.get(3, b"")
    node_alive = bool(flags[0]) if alive and flags else None
    cluster_id = _fields(_message(bodies.get(5, b""))).get(2, b"").hex()
    healthy = _message(bodies.get(1, b"")) == _SERVING
    nodes, dashboard = (_fields(_message(bodies.get(stream, b""))) for stream in (7, 9))
    stage = "registered" if 2 in nodes else "ready" if 2 in dashboard else "starting" if 7 in bodies and 9 in bodies else ""
    problem = "" if healthy else "%s answers, but not as a Ray head" % address
    return Probe(True, healthy, False, ray_version, cluster_id, node_alive, stage, problem)


# ray_settings.py
#
# What a launcher was asked to do, read from the environment with gaps filled from the machine, and what `ray start` gets of it.

# Ray refuses a smaller object store (bytes).
_MIN_OBJECT_STORE = 78643200
# Below this many bytes of shared memory an object store is too small to be useful.
SMALL_SHM = 10**9
ANY_HOST = "0.0.0.0"  # noqa: S104
# What Ray's processes carry in their environment, so that their launcher finds them.
RUN_MARK = "RAYTUI_RUN"
_RAY_TMP = "/tmp/ray"  # noqa: S108
_SHM = "/dev/shm"  # noqa: S108
_MIB = 1024 * 1024
_LONGEST = 10 * 365 * 86400.0


class LauncherError(RuntimeError):
    """A launcher cannot go on. The text is one sentence for a person; `code` is the exit code of the process."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class Settings(NamedTuple):
    """Everything the environment says; sizes in bytes, times in seconds, an empty string or None where nothing was said."""

    role: str
    cluster: str
    application: str
    engine_id: str
    run_id: str
    """Another one for each launcher process; Ray's processes carry it in their environment."""
    in_cai: bool
    venv: str
    shared_dir: str
    ray_port: int
    dashboard_port: int
    dashboard_host: str
    client_port: Optional[int]
    agent_port: Optional[int]
    cpus: int
    gpus: int
    memory: int
    object_store: int
    shm: int
    temp_dir: str
    node_ip: str
    head_address: str
    head_timeout: float
    stable_window: float
    stop_grace: float
    rejoin: bool
    expose_dashboard: bool
    auth_mode: str
    app_port: Optional[int]

    @property
    def ray(self) -> str:
        """Path of the `ray` program that is started."""
        return os.path.join(self.venv, "bin", "ray")


def _number(env: Mapping[str, str], name: str, default: float, least: float = 0, most: float = float(2**63)) -> float:
    text = env.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise LauncherError("%s=%s is not a number from %g to %g" % (name, text[:80], least, most))
    return value


def _integer(env: Mapping[str, str], name: str, least: int = 0, most: int = 2**63) -> Optional[int]:
    if not env.get(name, "").strip():
        return None
    value = _number(env, name, 0, least, most)
    if value != int(value):
        raise LauncherError("%s=%s is not a whole number" % (name, env[name].strip()[:80]))
    return int(value)


def _port(env: Mapping[str, str], name: str) -> Optional[int]:
    return _integer(env, name, 1, 65535)


def _switch(env: Mapping[str, str], name: str, default: bool) -> bool:
    text = env.get(name, "").strip().lower()
    return default if not text else text not in ("0", "false", "no", "off")


def _shm_bytes() -> int:
    try:
        stat = os.statvfs(_SHM)
    except OSError:
        return 0
    return stat.f_frsize * stat.f_blocks


def _machine_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _machine_memory() -> int:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(path) as file:
                text = file.read().strip()
        except OSError:
            continue
        if text.isdigit():
            total = min(total, int(text))
    return total


def _machine_gpus() -> int:
    """Counted with nvidia-smi, because CAI has no variable for it; 0 when that program is missing or does not answer."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    try:
        listing = subprocess.run([program, "-L"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=5, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(1 for line in listing.splitlines() if line.startswith(b"GPU "))


def _resources(role: str, env: Mapping[str, str]) -> Tuple[int, int, int, int, int]:
    """CPUs, GPUs, memory, object store and /dev/shm, sizes in bytes.

    What was asked for is passed on as it is; memory that is derived leaves room for the object store, as Ray's own default does.
    """
    millicores = _number(env, "CDSW_CPU_MILLICORES", 0)
    cpus = _integer(env, "RAYTUI_NUM_CPUS")
    if cpus is None:
        cpus = max(1, int(millicores) // 1000) if millicores else _machine_cpus()
    gpus = 0
    if role == "worker":
        asked = _integer(env, "RAYTUI_NUM_GPUS")
        gpus = _machine_gpus() if asked is None else asked
    shm = _shm_bytes()
    memory = _integer(env, "RAYTUI_MEMORY_BYTES", 1)
    total = memory or int(_number(env, "CDSW_MEMORY_MB", 0) * _MIB) or _machine_memory()
    store = _integer(env, "RAYTUI_OBJECT_STORE_BYTES", 1)
    if store is None:
        store = max(_MIN_OBJECT_STORE, min(total * 30 // 100, shm * 95 // 100) if shm else total * 30 // 100)
    return cpus, gpus, memory or max(1, total - store), store, shm


def _temp_dir(role: str, application: str, in_cai: bool, asked: str) -> str:
    """A folder of its own for each worker of a host.

    Nodes that start at the same time in one folder pick the same socket names (Ray looks whether the file exists, and its raylet makes
    it seconds later), and one of their raylets dies. A pod holds one node only.
    """
    if role == "head" or (in_cai and not asked):
        return asked
    number = re.search(r"-(\d+)$", application)
    name = number.group(1) if number else hashlib.sha256(application.encode("utf-8")).hexdigest()[:6]
    # Short, because of the 107 characters of a socket's path.
    return os.path.join(asked or _RAY_TMP, "w" + name)


def read_settings(role: str, env: Mapping[str, str]) -> Settings:
    """The settings of a launcher in `env`. Raises LauncherError naming the variable that makes no sense."""
    cluster = env.get("RAYTUI_CLUSTER", "").strip() or "ray-cluster"
    application = env.get("RAYTUI_APPLICATION", "").strip() or "%s-%s" % (cluster, role)
    for name, value in (("RAYTUI_CLUSTER", cluster), ("RAYTUI_APPLICATION", application)):
        if "/" in value or value.startswith(".") or not value.isprintable():
            raise LauncherError("%s=%r cannot be part of a file name" % (name, value))
    engine = env.get("CDSW_ENGINE_ID", "").strip()
    shared = env.get("RAYTUI_SHARED_DIR", "").strip()
    if not shared and engine:
        shared = os.path.join(".raytui", cluster)
    expose = _switch(env, "RAYTUI_EXPOSE_DASHBOARD", False)
    auth_mode = env.get("RAY_AUTH_MODE", "").strip().lower()
    if expose and auth_mode != "token":
        raise LauncherError(
            "RAYTUI_EXPOSE_DASHBOARD=1 is refused without token authentication, since an open dashboard runs code for whoever reaches it; "
            "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH"
        )
    cpus, gpus, memory, store, shm = _resources(role, env)
    run_id = uuid.uuid4().hex[:16]
    return Settings(
        role=role,
        cluster=cluster,
        application=application,
        engine_id=re.sub(r"[^\w.-]", "-", engine or env.get("RAYTUI_ENGINE", "").strip()) or run_id,
        run_id=run_id,
        in_cai=bool(engine),
        venv=os.path.abspath(os.path.expanduser(env.get("RAYTUI_VENV", "").strip() or "~/.venv")),
        shared_dir=os.path.abspath(os.path.expanduser(shared)) if shared else "",
        ray_port=_port(env, "RAYTUI_RAY_PORT") or 6379,
        dashboard_port=_port(env, "RAYTUI_DASHBOARD_PORT") or 8265,
        dashboard_host=env.get("RAYTUI_DASHBOARD_HOST", "").strip(),
        client_port=_port(env, "RAYTUI_CLIENT_PORT"),
        agent_port=_port(env, "RAYTUI_AGENT_PORT"),
        cpus=cpus,
        gpus=gpus,
        memory=memory,
        object_store=store,
        shm=shm,
        temp_dir=_temp_dir(role, application, bool(engine), env.get("RAYTUI_TEMP_DIR", "").strip()),
        node_ip=env.get("RAYTUI_NODE_IP", "").strip() or env.get("CDSW_IP_ADDRESS", "").strip(),
        head_address=env.get("RAY_HEAD_ADDRESS", "").strip(),
        head_timeout=_number(env, "RAYTUI_HEAD_TIMEOUT_S", 900.0, 0.1, _LONGEST),
        stable_window=_number(env, "RAYTUI_STABLE_WINDOW_S", 10.0, 0, _LONGEST),
        stop_grace=_number(env, "RAYTUI_STOP_GRACE_S", 35.0, 0, _LONGEST),
        rejoin=_switch(env, "RAYTUI_REJOIN", True),
        expose_dashboard=expose,
        auth_mode=auth_mode or ("disabled" if engine else ""),
        app_port=_port(env, "CDSW_APP_PORT"),
    )


def check_ray(settings: Settings) -> None:
    """Raises LauncherError, one sentence that says how to get Ray there, when the venv or its `ray` program is missing."""
    how = "make it with `python3 -m venv {0}` and `{0}/bin/pip install 'ray[default]'`, or set RAYTUI_VENV to a venv that has Ray".format(
        settings.venv
    )
    if not os.path.isdir(settings.venv):
        raise LauncherError("no virtual environment at %s: %s" % (settings.venv, how))
    if not os.path.isfile(settings.ray):
        raise LauncherError(
            "Ray is not installed in the virtual environment: there is no %s; run `%s/bin/pip install 'ray[default]'`, "
            "or set RAYTUI_VENV to a venv that has Ray" % (settings.ray, settings.venv)
        )
    if not os.access(settings.ray, os.X_OK):
        raise LauncherError("%s is not executable; install Ray again in that venv, or set RAYTUI_VENV to another" % settings.ray)


def ray_arguments(settings: Settings, address: str) -> List[str]:
    """The argv of `ray start`: the head's when `role` is head, else a worker's that joins `address`."""
    if settings.role == "head":
        argv = [
            settings.ray,
            "start",
            "--head",
            "--port",
            str(settings.ray_port),
            "--dashboard-port",
            str(settings.dashboard_port),
            "--block",
        ]
    else:
        argv = [settings.ray, "start", "--address", address, "--block"]
    argv += ["--num-cpus", str(settings.cpus), "--num-gpus", str(settings.gpus), "--memory", str(settings.memory)]
    argv += ["--object-store-memory", str(settings.object_store), "--node-name", settings.application, "--log-color", "false"]
    head_only = [("--dashboard-host", settings.dashboard_host), ("--ray-client-server-port", settings.client_port)]
    both = [
        ("--dashboard-agent-listen-port", settings.agent_port),
        ("--node-ip-address", settings.node_ip),
        ("--temp-dir", settings.temp_dir),
    ]
    for flag, value in (head_only if settings.role == "head" else []) + both:
        if value:
            argv += [flag, str(value)]
    return argv


def ray_environment(settings: Settings, env: Mapping[str, str]) -> Dict[str, str]:
    """The environment of `ray start`. The venv's bin comes first on PATH because jobs run with the raylet's PATH."""
    child = dict(env)
    child.pop("PYTHONHOME", None)
    child["PATH"] = os.path.join(settings.venv, "bin") + os.pathsep + env.get("PATH", os.defpath)
    child["VIRTUAL_ENV"] = settings.venv
    child["PYTHONUNBUFFERED"] = "1"
    child["RAYTUI_APPLICATION"] = settings.application
    child["RAYTUI_ENGINE"] = settings.engine_id
    child[RUN_MARK] = settings.run_id
    child.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if settings.auth_mode:
        child["RAY_AUTH_MODE"] = settings.auth_mode
    token_path = _token_path(env)
    if token_path:
        # A job that runs in a folder of its own would look for a relative path there.
        child["RAY_AUTH_TOKEN_PATH"] = token_path
    return child


def _token_path(env: Mapping[str, str]) -> str:
    path = env.get("RAY_AUTH_TOKEN_PATH", "").strip()
    return os.path.abspath(os.path.expanduser(path)) if path else ""


def read_token(settings: Settings, env: Mapping[str, str]) -> str:
    """The token that Ray itself would use, for the health check; empty without one.

    A head takes a token it finds even when no mode is set; a worker does not.
    """
    if settings.auth_mode != "token" and not (settings.role == "head" and not settings.auth_mode):
        return ""
    if env.get("RAY_AUTH_TOKEN", "").strip():
        return env["RAY_AUTH_TOKEN"].strip()
    path = _token_path(env) or os.path.expanduser("~/.ray/auth_token")
    if settings.shared_dir and path.startswith(os.path.join(settings.shared_dir, "")):
        # The cluster's own file may have come by an upload, which cannot set a mode; the node that owns it can.
        with contextlib.suppress(OSError):
            os.chmod(path, 0o600)
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(8192).strip()
    except (OSError, UnicodeDecodeError):
        return ""


def installed_versions(venv: str) -> Tuple[str, str]:
    """Ray's and Python's version in the venv, read from its files without importing anything; "" where the files do not tell."""
    ray_version = ""
    for path in glob.glob(os.path.join(glob.escape(venv), "lib", "python3*", "site-packages", "ray-*.dist-info")):
        ray_version = os.path.basename(path)[len("ray-") : -len(".dist-info")]
    python_version = ""
    try:
        with open(os.path.join(venv, "pyvenv.cfg"), encoding="utf-8") as file:
            found = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+\.\d+)", file.read(), re.M)
            python_version = found.group(1) if found else ""
    except (OSError, UnicodeDecodeError):
        # Not made by venv: the interpreter's own headers name the version, else it stays unknown.
        for path in glob.glob(os.path.join(glob.escape(venv), "include", "python3*", "patchlevel.h")):
            with open(path, encoding="utf-8", errors="replace") as file:
                found = re.search(r'PY_VERSION\s+"(\d+\.\d+\.\d+)', file.read())
            python_version = found.group(1) if found else ""
    return ray_version, python_version


def versions_differ(head: Tuple[str, str], own: Tuple[str, str], env: Mapping[str, str]) -> bool:
    """Whether Ray would refuse to join: another Ray, or another Python (to the patch, unless the environment relaxes it).

    Each side is Ray's and Python's version; an unknown one never differs.
    """
    if head[0] and own[0] and head[0] != own[0]:
        return True
    parts = 2 if env.get("RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL") == "minor" else 3
    return bool(head[1] and own[1] and head[1].split(".")[:parts] != own[1].split(".")[:parts])


# ray_process.py
#
# Starts `ray start`, finds what belongs to it through /proc, and ends it so that nothing of it is left.
#
# `ray start --block` does not prove a live node: it stays when its raylet ends with code 0, and after a SIGKILL its agents live on for
# a minute. Everything is found by parentage, by the process group that Ray was given and by a marker in the environment; only
# processes of this user are ever signalled.

_PR_SET_PDEATHSIG = 1
_LINE_LIMIT = 8192
# State of a listening socket in /proc/net/tcp.
_LISTENS = "0A"
_KEPT_LINES = 400


class Process(NamedTuple):
    """One row of /proc; `start` (clock ticks after boot) tells a process from a later one with the same pid."""

    pid: int
    parent: int
    group: int
    session: int
    state: str
    start: int


class RayParts(NamedTuple):
    """What is known of the node's own processes; empty where a process is not there yet."""

    raylet: Optional[Process]
    gcs: Optional[Process]
    node_id: str
    node_ip: str
    log_files: Tuple[Tuple[str, str], ...]
    """Plain name (raylet.out) and path of each output file of raylet and GCS."""


NOTHING_YET = RayParts(None, None, "", "", ())


def read_process(pid: int) -> Optional[Process]:
    """The process with this pid, or None when there is none (a zombie is none: it only waits for its parent)."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            rest = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    state = rest[0].decode("ascii", "replace")
    if state in "ZX":
        return None
    return Process(pid, int(rest[1]), int(rest[2]), int(rest[3]), state, int(rest[19]))


def still_runs(process: Process) -> bool:
    """Whether it is the same process and alive."""
    now = read_process(process.pid)
    return now is not None and now.start == process.start


def _children(pid: int) -> List[int]:
    """Direct children. The kernel's list is one read; where it is not compiled in, all of /proc is walked."""
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            return [int(word) for word in file.read().split()]
    except (OSError, ValueError):
        return [process.pid for process in _all_processes() if process.parent == pid]


def _all_processes() -> List[Process]:
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    found = (read_process(int(name)) for name in names if name.isdigit())
    return [process for process in found if process is not None]


def _read_words(pid: int, what: str) -> List[str]:
    try:
        with open("/proc/%d/%s" % (pid, what), "rb") as file:
            return file.read().decode("utf-8", "replace").split("\0")
    except OSError:
        return []


def _options(words: List[str]) -> Dict[str, str]:
    found = {}
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key.startswith("--"):
            found[key[2:].replace("-", "_")] = value
    return found


def find_ray(root: int) -> RayParts:
    """The raylet and GCS below `ray start`, and what their command lines tell about the node."""
    found: Dict[str, Process] = {}
    options: Dict[str, str] = {}
    files: List[Tuple[str, str]] = []
    queue = [(pid, 1) for pid in _children(root)]
    while queue:
        pid, depth = queue.pop()
        words = _read_words(pid, "cmdline")
        name = os.path.basename(words[0]) if words else ""
        process = read_process(pid)
        if name not in ("raylet", "gcs_server") or process is None:
            # One level more than Ray needs, for a `ray` that is a wrapper script.
            queue += [(child, depth + 1) for child in _children(pid)] if depth < 2 else []
            continue
        found[name] = process
        own = _options(words[1:])
        options.update(own)
        for key, suffix in (("stdout_filepath", ".out"), ("stderr_filepath", ".err")):
            path = own.get(key) or (os.path.join(own["log_dir"], name + suffix) if "log_dir" in own else "")
            if path:
                files.append((name + suffix, path))
    node_id, node_ip = options.get("node_id", ""), options.get("node_ip_address", "")
    return RayParts(found.get("raylet"), found.get("gcs_server"), node_id, node_ip, tuple(sorted(files)))


def spawn(argv: List[str], env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Starts `argv` with its output in a pipe, in a process group of its own inside our session.

    Its own group keeps Ctrl-C and signals to the launcher's group away from Ray's processes, which would die piecemeal instead of
    draining; the same session lets a platform find everything by session id. The kernel sends it SIGTERM when we die, however we die.
    Raises OSError when it cannot be started.
    """
    parent = os.getpid()
    prctl = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)

    def prepare() -> None:
        os.setpgid(0, 0)
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)

    # The child only makes three system calls through a library that is already loaded, so another thread's locks cannot stop it.
    return subprocess.Popen(
        argv,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=prepare,  # noqa: PLW1509
        bufsize=0,
    )


class Output:
    """The child's output: passed on as it comes, its last lines kept for the explanation."""

    def __init__(self, child: "subprocess.Popen[bytes]", echo: Callable[[bytes], None]) -> None:
        assert child.stdout is not None
        self._file = child.stdout
        self._fd = child.stdout.fileno()
        self._echo = echo
        self._rest = b""
        self._open = True
        self.lines: Deque[str] = deque(maxlen=_KEPT_LINES)
        os.set_blocking(self._fd, False)

    def wait(self, seconds: float, wake: int) -> bool:
        """Waits at most `seconds` for output or for a byte on the descriptor `wake`, and reads what is there; True after output."""
        watched = [wake] + ([self._fd] if self._open else [])
        ready, _, _ = select.select(watched, [], [], seconds)
        if wake in ready:
            os.read(wake, 4096)
        return self._fd in ready and self._read()

    def drain(self) -> None:
        """Reads what is left without waiting for processes that still hold the pipe, and ends the last line."""
        while self._open and self._read():
            continue
        if self._rest:
            self._keep(self._rest)
            self._rest = b""
        if self._open:
            self._open = False
            self._file.close()

    def _read(self) -> bool:
        try:
            chunk = os.read(self._fd, 65536)
        except BlockingIOError:
            return False
        if not chunk:
            self._open = False
            self._file.close()
            return False
        self._echo(chunk)
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        for line in whole:
            self._keep(line)
        # A megabyte without a newline is cut, not collected.
        self._rest = self._rest[-_LINE_LIMIT:]
        return True

    def _keep(self, line: bytes) -> None:
        self.lines.append(line[:_LINE_LIMIT].decode("utf-8", "replace").rstrip("\r"))


def holds_port(pid: int, port: int) -> Optional[bool]:
    """Whether the process has the listening TCP socket of `port`; None when nobody is seen to listen or the kernel does not tell.

    Who answers at an address does not say who it is: the socket itself is compared, and it cannot be another process's.
    """
    sockets: Set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as file:
                rows = [line.split() for line in file.readlines()[1:]]
        except OSError:
            continue
        sockets |= {"socket:[%s]" % row[9] for row in rows if row[3] == _LISTENS and int(row[1].rpartition(":")[2], 16) == port}
    folder = "/proc/%d/fd" % pid
    try:
        names = os.listdir(folder) if sockets else []
    except OSError:
        return None
    for name in names:
        try:
            if os.readlink(os.path.join(folder, name)) in sockets:
                return True
        except OSError:
            continue
    return False if sockets else None


def signal_child(child: "subprocess.Popen[bytes]", number: int) -> None:
    """Sends the signal if the child still is our child; never to a process that got its pid later."""
    if child.poll() is None:
        try:
            os.kill(child.pid, number)
        except ProcessLookupError:
            return


def _descendants(processes: List[Process], roots: Set[int]) -> Set[int]:
    found = set(roots)
    grew = True
    while grew:
        more = {process.pid for process in processes if process.parent in found} - found
        grew = bool(more)
        found |= more
    return found


def left_behind(group: int, mark: str) -> List[Process]:
    """Live processes of this user that Ray's process group, its parentage or `mark` (NAME=VALUE) in the environment says are this node's.

    Ray's agents overwrite their environment with a title, so the group is what finds them once their parent is dead.
    """
    me, user, session = os.getpid(), os.getuid(), os.getsid(0)
    processes = [process for process in _all_processes() if process.pid != me]
    below = _descendants(processes, {process.pid for process in processes if process.group == group and process.session == session})
    found = []
    for process in processes:
        try:
            own = os.stat("/proc/%d" % process.pid).st_uid == user
        except OSError:
            continue
        if own and (process.pid in below or mark in _read_words(process.pid, "environ")):
            found.append(process)
    return found


def sweep(group: int, mark: str, seconds: float = 5.0) -> int:
    """SIGKILLs what is left of the node until nothing is; returns how many were ended. Gives up after `seconds`."""
    deadline = time.monotonic() + seconds
    ended: Set[Tuple[int, int]] = set()
    pause = 0.01
    while True:
        rest = left_behind(group, mark)
        for process in rest:
            try:
                os.kill(process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
            ended.add((process.pid, process.start))
        if not rest or time.monotonic() > deadline:
            return len(ended)
        time.sleep(pause)
        pause = min(pause * 2, 0.2)


# ray_files.py
#
# The folder that all launchers of a cluster share: who is the head, how each node is, who shall drain, and logs that outlive a node.
#
# On Cloudera AI it lies on NFS: no locks, no notification, attributes up to a minute old. So each file has one writer, is written
# beside its place, synced and renamed, and readers open it anew each time.

SCHEMA_VERSION = 1
_LOG_BYTES = 5 * 1024 * 1024
_LOG_FILES = 3
_TAIL_BYTES = 64 * 1024


def utc_now() -> str:
    """The time as RFC 3339 in UTC, to the millisecond."""
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + ".%03dZ" % int(now % 1 * 1000)


def _replace(path: str, data: bytes) -> None:
    folder, name = os.path.split(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    temporary = os.path.join(folder, ".%s.%d.tmp" % (name, os.getpid()))
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _read_json(path: str) -> Dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            value = json.loads(file.read(1 << 20))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


class SharedFolder:
    """The files of one application in the shared folder. Without a folder every write is nothing and every read is empty.

    A failed write never ends a node: `trouble` holds the sentence for it until a write succeeds again.
    """

    def __init__(self, root: str, cluster: str, application: str, engine_id: str) -> None:
        self.root = root
        self.trouble = ""
        self._cluster = cluster
        self._application = application
        prefix = cluster + "-"
        short = application[len(prefix) :] if application.startswith(prefix) else application
        self._stem = "%s-%s" % (short or application, engine_id)
        self._drain_seen = self._drain_identity()

    def _path(self, *parts: str) -> str:
        return os.path.join(self.root, *parts)

    def _write(self, path: str, data: bytes) -> None:
        try:
            _replace(path, data)
            self.trouble = ""
        except OSError as error:
            self.trouble = "the shared folder cannot be written (%s: %s)" % (path, error.strerror or error)

    def write_node(self, record: Dict[str, Any]) -> None:
        """Writes this application's row, `nodes/<application>.json`."""
        if self.root:
            text = json.dumps(dict({"schema_version": SCHEMA_VERSION}, **record), sort_keys=False, indent=1) + "\n"
            self._write(self._path("nodes", self._application + ".json"), text.encode("utf-8"))

    def write_rendezvous(self, record: Dict[str, Any]) -> None:
        """Says to all workers where the head is."""
        if self.root:
            text = json.dumps(dict({"schema_version": SCHEMA_VERSION, "cluster": self._cluster}, **record), indent=1) + "\n"
            self._write(self._path("rendezvous.json"), text.encode("utf-8"))

    def read_rendezvous(self) -> Dict[str, str]:
        """The head's rendezvous as a map of words, empty when there is none (or it belongs to another cluster or cannot be read)."""
        if not self.root:
            return {}
        found = _read_json(self._path("rendezvous.json"))
        if found.get("cluster") != self._cluster or not isinstance(found.get("address"), str):
            return {}
        return {key: value for key, value in found.items() if isinstance(value, str)}

    def remove_rendezvous(self, generation: str) -> None:
        """Removes it if it is the one of this generation; a later head's is left alone."""
        if self.read_rendezvous().get("generation") == generation:
            try:
                os.unlink(self._path("rendezvous.json"))
            except OSError as error:
                self.trouble = "the old rendezvous file cannot be removed (%s)" % (error.strerror or error)

    def _drain_identity(self) -> Optional[Tuple[int, int]]:
        if not self.root:
            return None
        try:
            with open(self._path("drain", self._application), "rb") as file:
                stat = os.fstat(file.fileno())
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_ino

    def drain_asked(self) -> bool:
        """Whether a request to drain appeared since this launcher began; one left from an earlier life does not count."""
        now = self._drain_identity()
        return now is not None and now != self._drain_seen

    def open_log(self) -> "RotatingLog":
        """The log of this run in the shared folder."""
        return RotatingLog(self._path("logs", self._stem + ".log"))

    def keep_tails(self, files: Iterable[Tuple[str, str]]) -> None:
        """Copies the last 64 KB of each file (name, path) to `logs/<stem>.<name>.tail`: a pod and its disk vanish."""
        if not self.root:
            return
        for name, path in files:
            try:
                with open(path, "rb") as file:
                    size = file.seek(0, os.SEEK_END)
                    file.seek(max(0, size - _TAIL_BYTES))
                    data = file.read(_TAIL_BYTES)
            except OSError:
                continue
            self._write(self._path("logs", "%s.%s.tail" % (self._stem, name)), data)


class RotatingLog:
    """A log of at most three files of 5 MB. A write that fails is dropped: a full disk must not end the node."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: Any = None
        self._size = 0

    def write(self, data: bytes) -> None:
        """Appends, and rotates first when the file is full."""
        try:
            if self._file is None:
                os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
                self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115
                self._size = self._file.tell()
            if self._size + len(data) > _LOG_BYTES and self._size:
                self._rotate()
            self._file.write(data)
            self._size += len(data)
        except OSError:
            return

    def _rotate(self) -> None:
        self._file.close()
        self._file = None
        for number in range(_LOG_FILES - 1, 0, -1):
            older = "%s.%d" % (self._path, number)
            newer = self._path if number == 1 else "%s.%d" % (self._path, number - 1)
            if os.path.exists(newer):
                os.replace(newer, older)
        self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115
        self._size = 0

    def close(self) -> None:
        """Closes the file; a later write opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None


# ray_page.py
#
# What the application port answers: a small status page at once, because only a plain 200 makes the platform call it running.
#
# When it was asked for, the page passes requests on to Ray's dashboard, with Ray's own token check behind it; until the dashboard
# listens it stays the status page. Authorization is the platform's header: some workbenches hand it on, and Ray would take the caller's
# API key for a wrong token of its own. It ends here, and what came as X-Ray-Authorization goes on in its place.
# The http modules are imported where they are used: a launcher without a port saves 20 ms.

_HOP_HEADERS = frozenset(
    [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "host",
    ]
)
_PLATFORM_LOGIN = "authorization"
_RAY_LOGIN = "x-ray-authorization"
_LONGEST_BODY = 64 * 1024 * 1024
_ENVOY_READY = ("127.0.0.1", 15021, "/healthz/ready")


class StatusPage:
    """Serves on 127.0.0.1:`port` from a daemon thread, and shows what `facts` gives and nothing else."""

    def __init__(self, port: int, facts: Callable[[], Dict[str, str]], dashboard: Optional[Callable[[], str]] = None) -> None:
        """`dashboard`, when given, answers HOST:PORT of the dashboard to pass requests to. Raises OSError when the port is taken."""
        import http.server

        page = self

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that went away is no event of this node."""

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            server_version = "raytui-launcher"
            sys_version = ""
            timeout = 60

            def answer(self) -> None:
                if dashboard is None or not page.pass_on(self, dashboard()):
                    page.show(self)

            def log_message(self, *_args: Any) -> None:
                """Polls every few seconds would bury Ray's output."""

        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            setattr(Handler, "do_" + method, Handler.answer)

        self._facts = facts
        self._server = Server(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="status-page", daemon=True)
        self._thread.start()

    def show(self, handler: Any) -> None:
        """Answers 200 with the state, for any path."""
        facts = self._facts()
        rows = "".join("<dt>%s</dt><dd>%s</dd>" % (html.escape(key), html.escape(value)) for key, value in facts.items() if value)
        title = html.escape("%s: %s" % (facts.get("application", ""), facts.get("state", "")))
        body = "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=10><title>%s</title><h1>%s</h1><dl>%s</dl>\n" % (
            title,
            title,
            rows,
        )
        data = body.encode("utf-8")
        handler.close_connection = True
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html; charset=utf-8")
        handler.send_header("Content-Length", str(len(data)))
        handler.send_header("Cache-Control", "no-store")
        handler.send_header("Connection", "close")
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(data)

    def pass_on(self, handler: Any, target: str) -> bool:
        """Passes the request on to the dashboard at `target`; False, with nothing answered yet, when the dashboard does not listen."""
        length = int(handler.headers.get("Content-Length") or 0) if (handler.headers.get("Content-Length") or "0").isdigit() else 0
        if length > _LONGEST_BODY:
            handler.send_error(413)
            return True
        import http.client

        connection = http.client.HTTPConnection(target, timeout=60)
        try:
            connection.connect()
        except OSError:
            return False
        try:
            headers = _passed_on(handler.headers)
            connection.request(handler.command, handler.path, handler.rfile.read(length) if length else None, headers)
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            handler.send_error(502, "the dashboard did not answer: %s" % error)
            return True
        handler.close_connection = True
        handler.send_response_only(answer.status, answer.reason)
        for key, value in answer.getheaders():
            if key.lower() not in _HOP_HEADERS:
                handler.send_header(key, value)
        handler.send_header("Connection", "close")
        handler.end_headers()
        try:
            while True:
                # read1 passes a followed log on as it grows, instead of collecting a whole block.
                chunk = answer.read1(65536)
                if not chunk:
                    break
                handler.wfile.write(chunk)
        finally:
            connection.close()
        return True

    def close(self) -> None:
        """Frees the port, so that the platform sees the application end."""
        self._server.shutdown()
        self._server.server_close()


def _passed_on(received: Any) -> Dict[str, str]:
    """The headers that the dashboard gets: none of this connection's own, none of the platform's login, Ray's token as Ray's own login."""
    dropped = _HOP_HEADERS | {_PLATFORM_LOGIN, _RAY_LOGIN}
    headers = {key: value for key, value in received.items() if key.lower() not in dropped}
    token = received.get(_RAY_LOGIN)
    if token:
        headers["Authorization"] = token
    headers["Connection"] = "close"
    return headers


def envoy_present(timeout: float = 1.0) -> bool:
    """Whether an Envoy sidecar answers in this pod; under one, Ray's ports pass only if the mesh lets plain TCP through."""
    import http.client

    host, port, path = _ENVOY_READY
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status == 200 or "envoy" in (answer.getheader("server") or "").lower()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


# ray_report.py
#
# Where a launcher says how its node is: stdout, the kept log, its row in the shared folder and the status page, in the same words.

_HEARTBEAT_S = 10.0


class Report:
    """The state of one node in words and facts. Whoever learns a fact sets its field; `set_state` and `record` tell it."""

    def __init__(self, settings: Settings, versions: Tuple[str, str], shared: SharedFolder) -> None:
        self.state, self.message, self.hint = "starting", "", ""
        self.parts = NOTHING_YET
        self.ray_pid = 0
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
        """Takes on a state and tells it everywhere, once; not `aloud` when it is the last word, which somebody else prints."""
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
                "pid": os.getpid(),
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


# ray_supervisor.py
#
# Runs one `ray start` and watches the node behind it: what head and worker have in common.
#
# One thread does everything that decides, so it works the same inside a notebook kernel; only the status page and the look for a
# sidecar have threads of their own.

_PROBE_STARTING_S = 0.4
_PROBE_ALIVE_S = 5.0
# How long a missing raylet may go unnoticed by `ray start`, which looks once a second, before we end it ourselves.
_GONE_S = 3.0
# How long GCS may call the node dead while its raylet lives; a raylet that hears of it ends by itself within 3 s.
_DEAD_S = 12.0
# How long Ray gets when there is nothing to drain: its raylet is gone, or its node was never alive, or its head is gone, and the call
# that would drain the node waits 30 s for a dead GCS.
_NO_DRAIN_S = 5.0
_DRAIN_POLL_S = 1.0
_ENVOY_HINT = (
    "an Envoy sidecar is in this pod: ask the administrator to let plain TCP between the project's pods pass the mesh (mTLS permissive)"
)
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
    """One launcher: what it knows of its node, and the loop around `ray start`. A role says how it goes and what it looks at."""

    def __init__(self, settings: Settings, env: Mapping[str, str]) -> None:
        self.settings = settings
        self.env = env
        self.token = read_token(settings, env)
        self.versions = installed_versions(settings.venv)
        self.shared = SharedFolder(settings.shared_dir, settings.cluster, settings.application, settings.engine_id)
        self.report = Report(settings, self.versions, self.shared)
        self.cluster_id = ""
        self.was_alive = False
        self._stop_signals: List[int] = []
        self._wake_in, self._wake_out = os.pipe()
        self._handlers: Dict[int, Any] = {}
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
            dashboard = self._dashboard_target if self.settings.expose_dashboard and self.settings.role == "head" else None
            try:
                self._page = StatusPage(self.settings.app_port, self.report.facts, dashboard)
            except OSError as error:
                self.report.say(
                    "the application port %d cannot be served (%s), so the platform may never call this application running"
                    % (self.settings.app_port, error.strerror or error)
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

    def _on_signal(self, number: int, _frame: Any) -> None:
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
        """Starts Ray and returns when it has ended and nothing of it is left; raises LauncherError when it cannot be started."""
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
            self.report.ray_pid = 0
        return Ending(reason, child.returncode, killed, tuple(output.lines))

    def _watch(self, child: "subprocess.Popen[bytes]", output: Output) -> str:
        looked = 0.0
        while child.poll() is None:
            settled = self.report.state == "alive"
            spoke = output.wait(0.5 if settled else 0.1, self._wake_in)
            self.attend(child, output, spoke)
            reason = self.reason_to_stop()
            if reason:
                return reason
            if spoke and not self._complaint[0]:
                self._complaint = warning(output.lines)
            if time.monotonic() - looked < (1.0 if settled else 0.2):
                continue
            looked = time.monotonic()
            reason = self._look_at_raylet(child.pid) or self._look_at_gcs(output) or self.look()
            if reason:
                return reason
            self.report.beat()
        return ""

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
        return self.broken("the raylet is gone although ray start still runs, so the node is dead", "read raylet.err and raylet.out")

    def _look_at_gcs(self, output: Output) -> str:
        now = time.monotonic()
        address, parts = self.report.address, self.report.parts
        if not address or now - self._probed < (_PROBE_ALIVE_S if self.report.state == "alive" else _PROBE_STARTING_S):
            return ""
        self._probed = now
        probe = self.probe(address, parts.node_id if parts.raylet else "")
        self.seen(probe)
        # A Ray that does not tell whether a node is alive: its own word has to do.
        started = probe.node_alive is None and probe.healthy and parts.raylet and any(_STARTED in line for line in output.lines)
        if probe.node_alive or started:
            self.was_alive = True
            self._dead_since = 0.0
            self.report.set_state("alive", *self._remark())
        elif self.was_alive and probe.node_alive is False:
            self._dead_since = self._dead_since or now
            if now - self._dead_since > _DEAD_S:
                return self.broken("the head calls this node dead although its raylet runs", self.network_hint())
        elif self.was_alive and not probe.healthy:
            self.report.set_state("alive", "the head does not answer: " + probe.problem, "this node ends about a minute after its head")
        return ""

    def broken(self, message: str, hint: str) -> str:
        """Takes on the failure for which Ray is ended; returns the reason."""
        self.report.set_state("failed", message, hint)
        return "broken"

    def network_hint(self) -> str:
        """What to look at when nodes lose each other."""
        return _ENVOY_HINT if self.report.envoy else "check the network between the nodes"

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
        """SIGTERM to `ray start`, which drains for up to 30 s; the sentence for it when it must be killed early or after its full time."""
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
            self.fail("the head called this node dead, so its raylet ended", self.network_hint(), ending.code)
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


# ray_node.py
#
# One Ray node, head or worker, from the first look at the venv to the last process gone: the entry point of both launchers.

_FIRST_POLL_S = 0.1
_SLOWEST_POLL_S = 1.0
_MOVED_POLL_S = 1.0
# How often in a row a worker may lose its head before it was ever alive.
_MOST_LOST_JOINS = 5
# How long a joined head may differ from the announced one: a head answers up to a second before it announces itself anew.
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
        # Another GCS that is already there answers on our port until our own gives up: it gets no token and is not announced as us.
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
        """What Ray says of its own head's port is not what is so when another GCS holds it: that one is looked at, without our token."""
        message, hint = super().cause(ending)
        if self._announced:
            return message, hint
        port = self.settings.ray_port
        free = "stop that Ray, or choose another port: --ray-port, or RAYTUI_RAY_PORT for this launcher"
        stranger = probe_gcs(self._local)
        if stranger.refused or stranger.healthy:
            known = (
                "its cluster id is %s" % stranger.cluster_id if stranger.cluster_id else "it asks for a token, so its cluster is unknown"
            )
            return "port %d of this node is held by another Ray head, not by this one (%s)" % (port, known), free
        if "InvalidAuthToken" in "\n".join(ending.lines):
            return "a GCS that was not this head's answered on its port %d and refused its token; it is gone now" % port, "start it again"
        return message, hint


class _Target(NamedTuple):
    """Where the head should be."""

    address: str
    source: str
    """named (this run was told), rendezvous (may be a dead head's), default, or guess (the default where heads announce themselves)."""
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
        # A rendezvous written after we began is newer than what we were told at the start.
        if rendezvous and (not named or generation != self._first_generation):
            return _Target(rendezvous["address"], "rendezvous", rendezvous, generation, cluster_id)
        if named:
            told = rendezvous if rendezvous.get("address") == named else {}
            return _Target(named, "named", told, generation, cluster_id)
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
            # A guess is not trusted before a head had the time to announce itself. Nothing answers at an address we were given: Ray
            # retries it as well as we do, and we go on watching the clock.
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
        """The sentence for a Ray head that answers although it is not the one which our cluster's rendezvous announces, else ""."""
        if not probe.healthy or not announced or probe.cluster_id == announced:
            return ""
        seen = "cluster id %s" % probe.cluster_id if probe.cluster_id else "a cluster id that it does not tell"
        return "the Ray head that answers is not the announced one (%s, announced is %s)" % (seen, announced)

    def _refused(self, probe: Probe, target: _Target, patient: bool) -> None:
        """Another cluster's head may hold the address of a dead one of ours; what was named or stays so is a wrong token."""
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
        """A worker of another version would be refused by Ray after two seconds, again and again: it ends itself instead."""
        same_head = probe.healthy and target.rendezvous.get("cluster_id", probe.cluster_id) == probe.cluster_id
        told = target.rendezvous if same_head else {}
        head = (probe.ray_version or told.get("ray_version", ""), told.get("python_version", ""))
        if versions_differ(head, self.versions, self.env):
            words = ["Ray %s and Python %s" % (ray or "unknown", python or "unknown") for ray, python in (head, self.versions)]
            self.fail(*version_mismatch(*words))

    def _headless(self, address: str) -> Optional[str]:
        if time.monotonic() - self._head_seen <= self.settings.head_timeout:
            return None
        return "no Ray head answered at %s for %g s, so this worker ended itself" % (address, self.settings.head_timeout)

    def _headless_hint(self) -> str:
        return self.network_hint() if self.report.envoy else "start the head, then start this worker again"

    def _give_up_without_head(self, address: str, stranger: str) -> None:
        message = self._headless(address)
        if message and stranger:
            where = "%s/rendezvous.json" % self.settings.shared_dir
            self.fail("%s: %s" % (message, stranger), "start this cluster's head again; if it has no head any more, remove %s" % where)
        if message:
            self.fail(message, self._headless_hint())

    def attend(self, child: "subprocess.Popen[bytes]", output: Output, spoke: bool) -> None:
        """Holds `ray start` between its imports and its first look for the head's node, until that node is registered.

        A look that comes too early costs two seconds of sleep, and after twenty of them the worker gives up; the imports, which take
        one second, may run while the head's raylet starts. Should we be killed meanwhile, the kernel continues the stopped process
        (its group is orphaned then) and ends it.
        """
        now = time.monotonic()
        if self._hold == _WATCHING and spoke and any(_IMPORTED in line for line in output.lines):
            signal_child(child, signal.SIGSTOP)
            self._hold = now + _LONGEST_HOLD_S
        if self._hold > _WATCHING and (now > self._hold or self.probe(self.report.address, head=True).head in ("registered", "")):
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


def _in_kernel(namespace: Dict[str, Any]) -> bool:
    """Whether a notebook kernel executes our text: there a loop runs already, or there is no file, and SystemExit counts as failure."""
    if "__file__" not in namespace or "get_ipython" in namespace:
        return True
    # Importing asyncio costs 30 ms; where nobody has, no loop can run.
    loops = sys.modules.get("asyncio")
    if loops is None:
        return False
    try:
        loops.get_running_loop()
    except RuntimeError:
        return False
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
        if node.report.state != "failed":
            node.report.set_state("failed", str(error), aloud=False)
        node.report.keep(str(error))
        raise
    finally:
        node.close()


def run(role: str, namespace: Dict[str, Any]) -> None:
    """Runs `role`, "head" or "worker".

    As a process it exits with Ray's code, or 0 after a requested end. In a kernel it returns after a clean end and raises
    LauncherError after any other. `namespace` is the caller's globals(), which tell a script from a kernel.
    """
    kernel = _in_kernel(namespace)
    try:
        launch(role, os.environ)
    except LauncherError as error:
        if kernel:
            raise LauncherError(str(error), error.code) from None
        sys.stdout.flush()
        sys.stderr.write("%s\n" % error)
        sys.exit(error.code)
    if not kernel:
        sys.exit(0)


run("head", globals())
