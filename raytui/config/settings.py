"""The effective settings of one run, each with where it came from.

Precedence: flag, then `RAYTUI_*`, then the platform's own variables, then the profile, then the default. Everything
that is wrong is reported at once. `fields.py` is the table of what can be set.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

import msgspec

from raytui.config import environment, paths
from raytui.config.address import EXAMPLE, name_of, normal_address
from raytui.config.command import command_of
from raytui.config.credentials import key_file_problem, ray_token_problems, read_key
from raytui.config.fields import FIELDS, GROUPS, WORKERS, group_fields
from raytui.config.files import ConfigFile, locate, nearest, read
from raytui.config.sources import Sources
from raytui.core.desired.validate import validate
from raytui.core.errors import ConfigurationError, Problem
from raytui.core.platforms import PlatformName
from raytui.core.remedy import Hint, Remedy
from raytui.core.secret import Secret, unsendable
from raytui.core.spec import ClusterSpec, HeadSpec, LogsSpec, WorkersSpec

DEFAULT_REFRESH_S = 2.0
REFRESH_RANGE_S = (0.5, 3600.0)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of raytui works with."""

    profile_name: str = "local"
    """Name of the profile that was chosen."""
    config_path: Path | None = None
    """The file that was read; none when there is none."""
    platform: PlatformName = "local"
    """Where nodes run."""
    address: str = ""
    """`http://host[:port]` of the Ray dashboard that is watched; empty on every other platform than `attached`."""
    host: str = ""
    """`scheme://name[:port]` of the workbench."""
    project_id: str = ""
    """The project on the workbench, as it was named: by its id or its name."""
    api_key: Secret = Secret("")
    """The API v2 key; read from its file each time it is needed. Its origin says which variable or file."""
    client: Literal["auto", "cmlapi", "http"] = "auto"
    """How the workbench's API is spoken."""
    read_only: bool = False
    """Whether every verb that changes something is refused."""
    read_only_asked: bool = False
    """Whether somebody asked for that, so that jobs are refused too; a cluster that is only watched takes jobs."""
    production: bool = False
    """Whether whoever ends something of the cluster types its name first."""
    theme: str = "dark"
    """Colours of the console."""
    ca_bundle: str = ""
    """PEM file of a private CA; empty when the system's certificates do."""
    venv: Path | None = None
    """Virtual environment that holds Ray; none lets the platform choose."""
    domain: str = ""
    """Name below which applications answer."""
    refresh: float = DEFAULT_REFRESH_S
    """Seconds between two looks."""
    bell: bool = False
    """Whether the bell tells that the verdict has changed."""
    notify: str = ""
    """Command line that tells it; empty for none."""
    profiles: tuple[str, ...] = ()
    """The profiles of the file, in its order."""
    cluster: ClusterSpec = ClusterSpec()
    """The cluster that is wanted."""
    keys: dict[str, str] = {}
    """Keys of the console that are not the usual ones, by their ids in `keys.py`."""
    state_dir: Path
    """Where local applications and the journal live; it need not exist yet."""
    project_dir: Path | None = None
    """The project's folder when we run inside a workload of that project."""
    origins: dict[str, str] = {}
    """Where each value came from, by the path of its field."""

    @property
    def given(self) -> frozenset[str]:
        """The fields of `cluster` that somebody set, by their paths in it."""
        paths = (path for path, origin in self.origins.items() if path.startswith("cluster.") and origin != "default")
        return frozenset(path.removeprefix("cluster.") for path in paths) - {"name"}


def load(flags: Mapping[str, object], environ: Mapping[str, str], cwd: Path) -> Settings:
    """The settings that flags, environment and file give together; reads the files they name and changes nothing.

    `flags` holds texts (or values of the right type) by the paths of `fields.py`, besides `profile` and `config`; none
    stands for a flag that was not given. Raises `ConfigurationError` with every problem.
    """
    named, source = str(flags.get("config") or ""), "--config"
    if not named:
        named, source = environ.get("RAYTUI_CONFIG", ""), "RAYTUI_CONFIG"
    path = locate(named, source, environ, cwd)
    file = read(path) if path is not None else None
    return _Reading(flags, environ, cwd, file).settings()


def missing_access(settings: Settings) -> list[Problem]:
    """What is missing before anybody can be asked at all: the workbench's address, the project, the key.

    Or the dashboard's address.
    """
    if settings.platform == "attached" and not settings.address:
        hint = "give --address http://HOST:8265, or address in the profile"
        return [Problem("address", "the address of the Ray dashboard is missing", hint)]
    if settings.platform != "cai":
        return []
    asked = (
        ("host", settings.host, "the address of the workbench is missing", "set CML_HOST, or host in the profile"),
        (
            "project_id",
            settings.project_id,
            "no project is named",
            "set CML_PROJECT_ID, or project_id in the profile, or give --project NAME (its name or id)",
        ),
        (
            "api_key",
            settings.api_key,
            "the API key is missing",
            "set CML_API_KEY, or api_key_file in the profile to a file of mode 0600",
        ),
    )
    return [Problem(field, message, hint) for field, value, message, hint in asked if not value]


class _Reading:
    """One reading of all sources; problems gather until the end."""

    def __init__(
        self, flags: Mapping[str, object], environ: Mapping[str, str], cwd: Path, file: ConfigFile | None
    ) -> None:
        self._flags = flags
        self._environ = environ
        self._cwd = cwd
        self._file = file
        self._sources = Sources(flags, environ, file)
        self._problems = self._sources.problems
        self._values = self._sources.values
        self._origins = self._sources.origins
        self._profile = ""
        self._platform: PlatformName = "local"
        self._tables: dict[str, str] = {}
        """Names of the further groups of workers, by their tables."""

    def settings(self) -> Settings:
        self._choose_profile()
        for field in FIELDS:
            self._sources.read(field)
            if field.path == "platform":
                self._platform = self._sources.platform = self._choose_platform()
        groups = self._file.groups.get(self._profile, ()) if self._file else ()
        self._tables = {f"{GROUPS}.{group}": group for group in groups}
        for field in (field for group in groups for field in group_fields(group)):
            self._sources.read(field)
        host, domain, address = self._host(), str(self._values.get("domain", "")), self._address()
        cluster, project_id = self._cluster(), str(self._values.get("project_id", ""))
        if address:
            cluster = self._named_by(address, cluster)
        elif cluster.auth == "token":
            self._problems += ray_token_problems(self._environ, self._cwd)
        if self._platform != "cai" and self._origins.get("project_id", "").startswith("flag "):
            message = f"names a project of a workbench, and profile {self._profile} is on {self._platform}"
            self._problems.append(Problem("--project", message, "set CML_HOST, or name a profile of a workbench"))
        refresh = self._refresh()
        settings = Settings(
            profile_name=self._profile,
            config_path=self._file.path if self._file else None,
            platform=self._platform,
            address=address,
            host=host,
            project_id=project_id,
            api_key=self._api_key(),
            client=cast("Any", self._values.get("client", "auto")),
            read_only=self._platform == "attached" or bool(self._values.get("read_only", False)),
            read_only_asked=bool(self._values.get("read_only", False)),
            production=bool(self._values.get("production", False)),
            theme=str(self._values.get("theme", "dark")),
            ca_bundle=self._existing("ca_bundle", "no certificates can be read"),
            venv=self._path("venv"),
            domain=domain or host.partition("://")[2],
            refresh=refresh,
            bell=bool(self._values.get("bell", False)),
            notify=command_of(str(self._values.get("notify", "")), self._origins["notify"], self._problems),
            profiles=tuple(self._file.profiles) if self._file else (),
            cluster=cluster,
            keys=self._keys(),
            state_dir=self._state_dir(),
            project_dir=environment.project_dir(self._environ, project_id, self._cwd)
            if self._platform == "cai"
            else None,
            origins=self._origins,
        )
        if self._problems:
            raise ConfigurationError.from_problems([*self._problems, *self._also_wrong(cluster)])
        return settings

    def _keys(self) -> dict[str, str]:
        if self._file is None:
            return {}
        self._origins |= {f"keys.{identity}": str(self._file.path) for identity in self._file.keys}
        return self._file.keys

    def _choose_profile(self) -> None:
        known = {"local": {}, **(self._file.profiles if self._file else {})}
        if environment.workbench_variable(self._environ):
            known.setdefault("cai", {})
        variable = environment.workbench_variable(self._environ)
        attached = self._attached_by()
        if attached:
            known.setdefault("attached", {})
        says_local = bool(self._file and self._file.profiles.get("local", {}).get("platform"))
        given = (
            (str(self._flags.get("profile") or ""), "flag --profile"),
            ("attached" if attached == "flag --address" else "", attached),
            (self._environ.get("RAYTUI_PROFILE", ""), "RAYTUI_PROFILE"),
            ("attached" if attached else "", attached),
            (
                self._file.default_profile if self._file else "",
                f"default_profile ({self._file.path})" if self._file else "",
            ),
            # Whoever names a workbench means it: a look at this machine instead would be a false answer.
            ("cai" if variable and not says_local else "", variable),
            ("local", "default"),
        )
        name, origin = next((name, origin) for name, origin in given if name)
        self._profile, self._origins["profile"] = name, origin
        self._sources.profile = name
        if name not in known:
            near = nearest(name, known)
            listed = f"profiles: {', '.join(known)}"
            hint: Hint = f"did you mean {near}? {listed}" if near else listed
            if name == "cai":
                variables = "set CML_HOST, CML_PROJECT_ID and CML_API_KEY, or write [profiles.cai] into a file ("
                hint = (variables, Remedy("config", "init"), f"); {listed}")
            self._problems.append(Problem("profile", f"there is no profile {name} ({origin} names it)", hint))

    def _attached_by(self) -> str:
        """What names a dashboard for this call, whatever the profile says.

        That is the flag, or the variable when no profile is named.
        """
        if self._flags.get("address") is not None:
            return "flag --address"
        named = self._environ.get("RAYTUI_ADDRESS", "").strip() and not self._flags.get("profile")
        return "RAYTUI_ADDRESS" if named else ""

    def _choose_platform(self) -> PlatformName:
        attached, given = self._attached_by(), self._origins["platform"]
        if attached and not given.startswith("flag ") and (attached.startswith("flag ") or given != "RAYTUI_PLATFORM"):
            self._origins["platform"] = attached
            return "attached"
        return cast("PlatformName", self._values.get("platform") or self._default_platform())

    def _default_platform(self) -> str:
        """Without a word of the profile: the workbench that the environment names, else this machine.

        The profile `cai` needs no file, and `local` says where by its name. A profile that names a workbench and no
        platform is a slip that would start nodes here.
        """
        named = environment.workbench_variable(self._environ)
        if self._profile == "cai" or (named and self._profile != "local"):
            return "cai"
        if any(problem.field.endswith("platform") for problem in self._problems):
            return "local"
        for path, platform in (
            ("address", "attached"),
            ("host", "cai"),
            ("project_id", "cai"),
            ("api_key_file", "cai"),
        ):
            if path in self._sources.of_profile():
                self._problems.append(
                    Problem(
                        f"profiles.{self._profile}.platform",
                        f"is missing, although {path} is set",
                        f'write platform = "{platform}" into the profile',
                    )
                )
                break
        return "local"

    def _host(self) -> str:
        given = str(self._values.get("host", ""))
        try:
            return environment.normal_host(given) if given else ""
        except ValueError as error:
            self._problems.append(
                Problem("host", f"{error} ({self._origins['host']})", "write it like https://ml.example.cloudera.site")
            )
            return ""

    def _address(self) -> str:
        """The dashboard's address on the platform `attached`, where alone it means anything."""
        given, origin = str(self._values.get("address", "")), self._origins["address"]
        if self._platform != "attached":
            if origin.startswith("profile ") and self._values.get("platform"):
                message = f"belongs to the platform attached, and the profile says {self._platform}"
                self._problems.append(
                    Problem(f"profiles.{self._profile}.address", message, 'write platform = "attached", or take it out')
                )
            return ""
        try:
            return normal_address(given) if given.strip() else ""
        except ValueError as error:
            self._problems.append(Problem("address", f"{error} ({origin})", EXAMPLE))
            return ""

    def _named_by(self, address: str, cluster: ClusterSpec) -> ClusterSpec:
        """The cluster under the name that was given for it, else called by its address."""
        origin = self._origins["cluster.name"]
        if origin == "default" or (
            origin.startswith("profile ") and self._sources.of_profile().get("platform") != "attached"
        ):
            self._origins["cluster.name"] = self._origins["address"]
            return msgspec.structs.replace(cluster, name=name_of(address))
        return cluster

    def _cluster(self) -> ClusterSpec:
        parts: dict[str, dict[str, Any]] = {
            name: {} for name in ("cluster", "cluster.logs", "cluster.head", WORKERS, *self._tables)
        }
        for path, value in self._values.items():
            table, _, key = path.rpartition(".")
            if table in parts:
                parts[table][key] = value
        return ClusterSpec(
            **parts["cluster"],
            logs=LogsSpec(**parts["cluster.logs"]),
            head=HeadSpec(**parts["cluster.head"]),
            workers=WorkersSpec(**parts[WORKERS]),
            groups={group: WorkersSpec(**parts[table]) for table, group in self._tables.items()},
        )

    def _refresh(self) -> float:
        refresh, (low, high) = float(self._values.get("refresh", DEFAULT_REFRESH_S)), REFRESH_RANGE_S
        if not low <= refresh <= high:
            self._problems.append(Problem("refresh", f"{refresh:g} s: it must be from {low:g} to {high:g}"))
        return refresh

    def _path(self, field: str) -> Path | None:
        """The path of a field; a relative one in a file starts at that file's folder."""
        given = str(self._values.get(field, ""))
        if not given:
            return None
        of_file = self._file is not None and self._origins[field].startswith("profile ")
        return paths.expand(given, self._environ, self._file.path.parent if of_file and self._file else self._cwd)

    def _existing(self, field: str, lacking: str) -> str:
        path = self._path(field)
        if path is None:
            return ""
        if self._platform != "local" and not path.is_file():
            self._problems.append(
                Problem(field, f"{lacking}: {path} is no file ({self._origins[field]})", "name a PEM file")
            )
        return str(path)

    def _state_dir(self) -> Path:
        directory, self._origins["state_dir"] = paths.state_dir(self._environ, self._cwd)
        return directory

    def _api_key(self) -> Secret:
        """The key, by the first of these that is given.

        A file named by the flag or `RAYTUI_API_KEY_FILE`, the platform's variables, the profile's file.
        """
        if self._platform != "cai":
            return Secret("")
        path, origin = self._path("api_key_file"), self._origins.get("api_key_file", "default")
        value, variable = environment.key_of(self._environ)
        if value and (path is None or origin.startswith("profile ")):
            self._origins["api_key"] = variable
            why = unsendable(value)
            if why:
                self._problems.append(Problem("api_key", f"the API key in {variable} cannot be sent", why))
            return Secret(value)
        if path is None:
            self._origins["api_key"] = "default"
            return Secret("")
        self._origins["api_key"] = f"{path} ({origin})"
        problem = key_file_problem(path)
        if problem is not None:
            self._problems.append(problem)
        return Secret(lambda: read_key(path))

    def _also_wrong(self, cluster: ClusterSpec) -> list[Problem]:
        """Problems of what the person did set, beside those of type: mending must not take two rounds."""
        fields = {problem.field for problem in self._problems}
        given = {path.removeprefix("cluster.") for path, origin in self._origins.items() if origin != "default"}
        return [p for p in validate(cluster.resolved(self._platform), self._platform) if p.field in given - fields]
