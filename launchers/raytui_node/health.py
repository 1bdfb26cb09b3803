"""Asks a Ray head whether it is one: a gRPC call to GCS in plain sockets.

A TCP connect proves nothing (under an Envoy sidecar every connect succeeds) and `ray health-check` costs two seconds of
imports. GCS answers all calls in a few milliseconds on one HTTP/2 connection: the standard health service (also without
a token), CheckAlive (Ray's version and whether a node counts as alive), GetClusterId (it changes when the head is a new
one), and two that tell how far a starting head is. Measured with Ray 2.60, with and without token authentication.
"""

import re
import socket
import struct
import time
from typing import Dict, List, NamedTuple, Optional, Tuple

_HEALTH = "/grpc.health.v1.Health/Check"
_ALIVE = "/ray.rpc.NodeInfoGcsService/CheckAlive"
_CLUSTER = "/ray.rpc.NodeInfoGcsService/GetClusterId"
_NODES = "/ray.rpc.NodeInfoGcsService/GetAllNodeInfo"
_VALUE = "/ray.rpc.InternalKVGcsService/InternalKVGet"
# GetAllNodeInfoRequest{limit: 1, node_selectors: [{is_head_node: true}]}
_HEAD_NODE = b"\x08\x01\x12\x02\x20\x01"
# InternalKVGetRequest{key: "webui:url", namespace: "dashboard"}: written when the dashboard is up, just before the
# head's raylet starts.
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
    """How far the head is: starting, ready (its raylet is being started), registered; "" when not asked or answered."""
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


def _exchange(
    conn: socket.socket, requests: bytes, streams: List[int], deadline: float
) -> Tuple[Dict[int, bytes], Dict[int, int]]:
    """Bodies and gRPC statuses by stream.

    The status is read from the header block as it stands: gRPC's C core sends it as plain text.
    """
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
    """One look at GCS on `address` (HOST:PORT); never raises for what the network does.

    `timeout` in seconds is for the whole look.

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
            requests = b"".join(
                _request(stream, "%s:%d" % (host, port), path, token, body) for stream, path, body in calls
            )
            bodies, statuses = _exchange(conn, requests, [stream for stream, _, _ in calls], deadline)
    except (OSError, UnicodeError) as error:
        if connected:
            return Probe(
                True,
                False,
                False,
                "",
                "",
                None,
                "",
                "%s accepts connections but does not answer as a Ray head" % address,
            )
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
    stage = (
        "registered" if 2 in nodes else "ready" if 2 in dashboard else "starting" if 7 in bodies and 9 in bodies else ""
    )
    problem = "" if healthy else "%s answers, but not as a Ray head" % address
    return Probe(True, healthy, False, ray_version, cluster_id, node_alive, stage, problem)
