"""What Ray's last words mean: turns the output of `ray start` into one sentence and one hint.

`ray start` answers almost every mistake with exit code 1 and a traceback; the reason stands somewhere in the text.
The texts were recorded from Ray 2.60; an unknown text yields the exit code and Ray's own last line, never a guess.
"""

import re
from typing import Callable, List, Match, Optional, Sequence, Tuple

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
    """The sentence and hint for a worker whose versions differ from the head's.

    Each side reads like `Ray 2.60.0 and Python 3.11.7`.
    """
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
        r"InvalidAuthToken: Authentication token is missing or incorrect\. *Note: RAY_AUTH_MODE is currently "
        r"'disabled'",
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
        r"Ray component (?P<component>\S+) is trying to use a port number (?P<port>\d+) that is used by other "
        r"components",
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
        r"Attempting to cap object store memory usage at (?P<asked>\d+) bytes, but the minimum allowed is "
        r"(?P<least>\d+)",
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
    """The sentence and hint for something that a living node complained about.

    Two empty strings when nothing is known.
    """
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
    """Why `ray start` ended, as (message, hint): one sentence without a full stop, and what to do next.

    "" when nothing helps.

    `output_lines` are its last lines, colours allowed; `exit_code` as subprocess gives it (negative: ended by that
    signal).
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
