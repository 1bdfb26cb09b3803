"""What a launcher was asked to do, and what `ray start` gets of it.

Read from the environment; gaps are filled from the machine.
"""

import contextlib
import glob
import hashlib
import json
import os
import re
import uuid
from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple

from raytui_node.machine import machine_cpus, machine_gpus, machine_memory, shm_bytes

# Ray refuses a smaller object store (bytes).
_MIN_OBJECT_STORE = 78643200
# Below this many bytes of shared memory an object store is too small to be useful.
SMALL_SHM = 10**9
ANY_HOST = "0.0.0.0"  # noqa: S104
# What Ray's processes carry in their environment, so that their launcher finds them.
RUN_MARK = "RAYTUI_RUN"
_RAY_TMP = "/tmp/ray"  # noqa: S108
_MIB = 1024 * 1024
LOGS_PER_NODE_MB = 64
LOGS_PER_CLUSTER_MB = 512
_MOST_LOGS_MB = 10**6
_LONGEST = 10 * 365 * 86400.0
DEFAULT_GROUP = "worker"
"""Group of a worker that nothing is said of."""
GROUP_LABEL = "raytui/group"
"""Label of a worker's node in Ray that names its group."""
_LABELS = "RAY_OVERRIDE_LABELS"
"""Labels as a JSON object: a Ray that has no labels overlooks a variable, but would not start with an unknown flag."""


class LauncherError(RuntimeError):
    """A launcher cannot go on. The text is one sentence for a person; `code` is the exit code of the process."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class Settings(NamedTuple):
    """Everything the environment says.

    Sizes in bytes, times in seconds, an empty string or None where nothing was said.
    """

    role: str
    cluster: str
    application: str
    group: str
    """Group of a worker; empty on a head."""
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
    keep_logs: bool
    """Whether Ray's logs are shipped to the shared folder."""
    logs_per_node: int
    """Compressed bytes of one node's logs that are kept."""
    logs_per_cluster: int

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


def _resources(role: str, env: Mapping[str, str]) -> Tuple[int, int, int, int, int]:
    """CPUs, GPUs, memory, object store and /dev/shm, sizes in bytes.

    What was asked for is passed on as it is; memory that is derived leaves room for the object store, as Ray's own
    default does.
    """
    millicores = _number(env, "CDSW_CPU_MILLICORES", 0)
    cpus = _integer(env, "RAYTUI_NUM_CPUS")
    if cpus is None:
        cpus = max(1, int(millicores) // 1000) if millicores else machine_cpus()
    gpus = 0
    if role == "worker":
        asked = _integer(env, "RAYTUI_NUM_GPUS")
        gpus = machine_gpus() if asked is None else asked
    shm = shm_bytes()
    memory = _integer(env, "RAYTUI_MEMORY_BYTES", 1)
    total = memory or int(_number(env, "CDSW_MEMORY_MB", 0) * _MIB) or machine_memory()
    store = _integer(env, "RAYTUI_OBJECT_STORE_BYTES", 1)
    if store is None:
        store = max(_MIN_OBJECT_STORE, min(total * 30 // 100, shm * 95 // 100) if shm else total * 30 // 100)
    return cpus, gpus, memory or max(1, total - store), store, shm


def _temp_dir(role: str, application: str, group: str, in_cai: bool, asked: str) -> str:
    """A folder of its own for each worker of a host.

    Nodes that start at the same time in one folder pick the same socket names (Ray looks whether the file exists, and
    its raylet makes it seconds later), and one of their raylets dies. A pod holds one node only.
    """
    if role == "head" or (in_cai and not asked):
        return asked
    # Two groups number their workers alike, so only those of the first group go by their number.
    number = re.search(r"-(\d+)$", application) if group in ("", DEFAULT_GROUP) else None
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
    group = "" if role == "head" else env.get("RAYTUI_GROUP", "").strip() or DEFAULT_GROUP
    expose = _switch(env, "RAYTUI_EXPOSE_DASHBOARD", False)
    auth_mode = env.get("RAY_AUTH_MODE", "").strip().lower()
    if expose and auth_mode != "token":
        raise LauncherError(
            "RAYTUI_EXPOSE_DASHBOARD=1 is refused without token authentication, since an open dashboard runs "
            "code for whoever reaches it; "
            "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH"
        )
    cpus, gpus, memory, store, shm = _resources(role, env)
    run_id = uuid.uuid4().hex[:16]
    return Settings(
        role=role,
        cluster=cluster,
        application=application,
        group=group,
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
        temp_dir=_temp_dir(role, application, group, bool(engine), env.get("RAYTUI_TEMP_DIR", "").strip()),
        node_ip=env.get("RAYTUI_NODE_IP", "").strip() or env.get("CDSW_IP_ADDRESS", "").strip(),
        head_address=env.get("RAY_HEAD_ADDRESS", "").strip(),
        head_timeout=_number(env, "RAYTUI_HEAD_TIMEOUT_S", 900.0, 0.1, _LONGEST),
        stable_window=_number(env, "RAYTUI_STABLE_WINDOW_S", 10.0, 0, _LONGEST),
        stop_grace=_number(env, "RAYTUI_STOP_GRACE_S", 35.0, 0, _LONGEST),
        rejoin=_switch(env, "RAYTUI_REJOIN", True),
        expose_dashboard=expose,
        auth_mode=auth_mode or ("disabled" if engine else ""),
        app_port=_port(env, "CDSW_APP_PORT"),
        keep_logs=_switch(env, "RAYTUI_LOGS_KEEP", True),
        logs_per_node=int(_number(env, "RAYTUI_LOGS_PER_NODE_MB", LOGS_PER_NODE_MB, 1, _MOST_LOGS_MB) * 10**6),
        logs_per_cluster=int(_number(env, "RAYTUI_LOGS_PER_CLUSTER_MB", LOGS_PER_CLUSTER_MB, 1, _MOST_LOGS_MB) * 10**6),
    )


def check_ray(settings: Settings) -> None:
    """Raises LauncherError when the venv or its `ray` program is missing.

    The error is one sentence that says how to get Ray there.
    """
    how = (
        "make it with `python3 -m venv {0}` and `{0}/bin/pip install 'ray[default]'`, or set RAYTUI_VENV to a "
        "venv that has Ray"
    ).format(settings.venv)
    if not os.path.isdir(settings.venv):
        raise LauncherError("no virtual environment at %s: %s" % (settings.venv, how))
    if not os.path.isfile(settings.ray):
        raise LauncherError(
            "Ray is not installed in the virtual environment: there is no %s; run `%s/bin/pip install 'ray[default]'`, "
            "or set RAYTUI_VENV to a venv that has Ray" % (settings.ray, settings.venv)
        )
    if not os.access(settings.ray, os.X_OK):
        raise LauncherError(
            "%s is not executable; install Ray again in that venv, or set RAYTUI_VENV to another" % settings.ray
        )
    python = os.path.join(settings.venv, "bin", "python")
    if not os.access(python, os.X_OK):
        raise LauncherError("the virtual environment has no Python: %s is missing or cannot be run; %s" % (python, how))


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
    argv += [
        "--object-store-memory",
        str(settings.object_store),
        "--node-name",
        settings.application,
        "--log-color",
        "false",
    ]
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
    if settings.group:
        child[_LABELS] = _labels(settings.group, env.get(_LABELS, ""))
    if settings.auth_mode:
        child["RAY_AUTH_MODE"] = settings.auth_mode
    token_path = _token_path(env)
    if token_path:
        # A job that runs in a folder of its own would look for a relative path there.
        child["RAY_AUTH_TOKEN_PATH"] = token_path
    return child


def _labels(group: str, given: str) -> str:
    """The labels that somebody gave, and the group; what Ray itself would refuse is left to Ray."""
    try:
        labels = json.loads(given) if given.strip() else {}
    except ValueError:
        return given
    return json.dumps(dict(labels, **{GROUP_LABEL: group})) if isinstance(labels, dict) else given


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
    """Ray's and Python's version in the venv, read from its files without importing anything.

    "" where the files do not tell.
    """
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
    """Whether Ray would refuse to join: another Ray, or another Python.

    To the patch, unless the environment relaxes it.

    Each side is Ray's and Python's version; an unknown one never differs.
    """
    if head[0] and own[0] and head[0] != own[0]:
        return True
    parts = 2 if env.get("RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL") == "minor" else 3
    return bool(head[1] and own[1] and head[1].split(".")[:parts] != own[1].split(".")[:parts])
