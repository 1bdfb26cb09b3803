"""What the site gives and to whom: quotas, accelerators, sizes, resource groups, and what other people hold of them.

Each kind is a list of words of one form, `NAME:KEY=VALUE,KEY=VALUE`, the same on the command line and in `POST
/_test/site`. A kind that was never given is answered by the API with plain defaults and limits nothing; one that was
given is enforced: a workload that asks for more than is free waits (scheduling.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .model import OWNER, now

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

USER = OWNER["username"]
KINDS = {
    "quota": "[OWNER:]cpu=N,memory=GB,gpu=N with OWNER user (everybody's default), user/NAME, group/TEAM or project/NAME; "
    "what is left out is 64 CPUs, 256 GB, 2 GPUs. A project's quota holds, but no list of the API tells it",
    "accelerator": "LABEL:count=N,per_workload=N,quota=N,group=RESOURCE-GROUP,memory=GB: so many GPUs of this label in all, "
    "for one workload and for one user",
    "cpu_profile": "CPUxGB or CPUxGB:group=RESOURCE-GROUP: the only sizes that workloads may have",
    "resource_group": "NAME:cpu=N,memory=GB,gpu=N,nodes=N: so many nodes of this size",
    "held": "NAME:user=NAME,project=NAME,team=NAME,type=session,cpu=N,memory=GB,gpu=N,label=LABEL,group=RESOURCE-GROUP: a "
    "workload of somebody else that runs",
}
"""The kinds of words and their form."""


class BadSite(ValueError):
    """A word about the site has the wrong form."""


@dataclass(frozen=True)
class Size:
    """CPUs, GB of memory and GPUs."""

    cpu: float = 0.0
    memory: float = 0.0
    gpu: float = 0.0

    def __add__(self, other: Size) -> Size:
        return Size(self.cpu + other.cpu, self.memory + other.memory, self.gpu + other.gpu)

    def to_json(self) -> dict[str, str]:
        """The answer's Quota."""
        return {"cpu": f"{self.cpu:g}", "memory": f"{self.memory:g}", "nvidia_gpu": f"{self.gpu:g}"}

    def lacking(self, asked: Size, used: Size) -> str:
        """What of a limit does not suffice for `asked` beside `used`, empty when all does."""
        for name, unit in (("cpu", "CPU"), ("memory", "GB"), ("gpu", "GPU")):
            want, held, limit = getattr(asked, name), getattr(used, name), getattr(self, name)
            if want and held + want > limit + 1e-9:
                return f"{unit}: {want:g} asked, {held:g} of {limit:g} in use"
        return ""


@dataclass(frozen=True)
class Accelerator:
    """One node label: a kind of GPU."""

    label: str
    count: int = 4
    per_workload: int = 2
    quota: int = 2
    group: str = ""
    memory: float = 24.0


@dataclass(frozen=True)
class Profile:
    """A size that workloads may have."""

    cpu: float
    memory: float
    group: str = ""


@dataclass(frozen=True)
class ResourceGroup:
    """Nodes of one kind."""

    name: str
    cpu: int = 16
    memory: int = 64
    gpu: int = 0
    nodes: int = 10
    machine: str = "m5.4xlarge"

    @property
    def capacity(self) -> Size:
        """What all its nodes have."""
        return Size(self.cpu * self.nodes, self.memory * self.nodes, self.gpu * self.nodes)


@dataclass(frozen=True)
class Holding:
    """One workload that has been given what it asked for."""

    name: str
    kind: str
    user: str
    project: str
    team: str
    size: Size
    label: str = ""
    group: str = ""

    @property
    def owner(self) -> str:
        """Whose quota it counts against: the team's in a team's project, else the user's."""
        return f"group/{self.team}" if self.team else f"user/{self.user}"


DEFAULT_QUOTA = Size(64, 256, 2)
DEFAULT_ACCELERATORS = (Accelerator("NVIDIA-A10G", group="gpu-a10g"),)
DEFAULT_PROFILES = tuple(Profile(cpu, memory) for cpu, memory in ((1.0, 2.0), (2.0, 8.0), (4.0, 16.0), (16.0, 64.0)))
DEFAULT_GROUPS = (ResourceGroup("cpu-default"), ResourceGroup("gpu-a10g", gpu=1, machine="g5.4xlarge"))


@dataclass
class Site:
    """The site as it is now; `enforced` names the kinds that were given."""

    quotas: dict[str, Size] = field(default_factory=dict)
    accelerators: tuple[Accelerator, ...] = DEFAULT_ACCELERATORS
    profiles: tuple[Profile, ...] = DEFAULT_PROFILES
    groups: tuple[ResourceGroup, ...] = DEFAULT_GROUPS
    held: tuple[Holding, ...] = ()
    enforced: frozenset[str] = frozenset()
    words: dict[str, list[str]] = field(default_factory=dict)
    """The words that made it."""
    held_since: dict[str, str] = field(default_factory=dict)
    """When each held workload was first given."""

    def update(self, changes: Mapping[str, Iterable[str]]) -> None:
        """Replace the named kinds; an empty list makes one what it was at first. Raises BadSite and changes nothing."""
        words = dict(self.words)
        for kind, given in changes.items():
            name = kind.replace("-", "_")
            if name not in KINDS or isinstance(given, str):
                raise BadSite(f"{kind!r} is none of {', '.join(KINDS)}, each a list of words")
            words[name] = [str(word) for word in given]
        made = replace(Site(), words={name: held for name, held in words.items() if held})
        for name, held in made.words.items():
            _READ[name](made, held)
        made.enforced = frozenset(made.words)
        made.held_since = {row.name: self.held_since.get(row.name, now()) for row in made.held}
        self.__dict__.update(made.__dict__)

    def quota_of(self, owner: str) -> Size:
        """What an owner may use, as the lists tell it."""
        found = self.quotas.get(owner)
        return found or (self.quotas.get("user") if owner.startswith("user/") else None) or DEFAULT_QUOTA

    def limit_of(self, owner: str) -> Size | None:
        """What an owner may not exceed, None without a limit."""
        return self.quotas.get(owner) or (self.quotas.get("user") if owner.startswith("user/") else None)

    def label_by_id(self, identity: object) -> str:
        """An accelerator's label by the id that the API gives it; empty for none."""
        return _by_number([entry.label for entry in self.accelerators], identity)

    def group_by_id(self, identity: object) -> str:
        """A resource group's name by its id; empty for none."""
        return _by_number([group.name for group in self.groups], identity)

    def group_id(self, name: str) -> int:
        """A resource group's id: its place in the list; 0 for none."""
        return next((number for number, group in enumerate(self.groups, 1) if group.name == name), 0)

    def users(self) -> list[str]:
        """Everybody, the key's user first; the place is the id."""
        return list(
            dict.fromkeys(
                [
                    USER,
                    *(owner[5:] for owner in self.quotas if owner.startswith("user/")),
                    *(row.user for row in self.held),
                ]
            )
        )

    def teams(self) -> list[str]:
        """Teams that have a quota or a workload."""
        return list(
            dict.fromkeys(
                [
                    *(owner[6:] for owner in self.quotas if owner.startswith("group/")),
                    *(row.team for row in self.held if row.team),
                ]
            )
        )


def _by_number(names: list[str], identity: object) -> str:
    number = str(identity or "")
    return names[int(number) - 1] if number.isdigit() and 1 <= int(number) <= len(names) else ""


def _split(word: str, known: Mapping[str, type], *, named: bool = True) -> tuple[str, dict[str, str]]:
    """`NAME:KEY=VALUE,...` in its pieces. Raises BadSite."""
    name, colon, rest = word.rpartition(":")
    if named and not colon:
        name, rest = word, ""
    values = {}
    for piece in filter(None, rest.split(",")):
        key, sign, value = piece.partition("=")
        if key not in known or not sign:
            raise BadSite(f"{word!r}: {piece!r} is none of {', '.join(f'{key}=' for key in known)}")
        try:
            known[key](value)
        except ValueError:
            raise BadSite(f"{word!r}: {value!r} is not a number") from None
        values[key] = value
    if named and not name:
        raise BadSite(f"{word!r} begins with no name")
    return name, values


def _numbers(values: Mapping[str, str], keys: Iterable[str]) -> dict[str, float]:
    return {key: float(values[key]) for key in keys if key in values}


def _read_quotas(site: Site, words: list[str]) -> None:
    for word in words:
        owner, values = _split(word, {"cpu": float, "memory": float, "gpu": float}, named=False)
        kind, _, name = owner.partition("/")
        if (
            (kind or "user") not in ("user", "group", "project")
            or (kind in ("group", "project") and not name)
            or not values
        ):
            raise BadSite(f"quota {word!r}: {KINDS['quota'].partition('; ')[0]}")
        site.quotas[owner or "user"] = replace(DEFAULT_QUOTA, **_numbers(values, ("cpu", "memory", "gpu")))


def _read_accelerators(site: Site, words: list[str]) -> None:
    made = []
    for word in words:
        label, values = _split(word, {"count": int, "per_workload": int, "quota": int, "group": str, "memory": float})
        count = int(values.get("count", 4))
        most, quota = int(values.get("per_workload", count)), int(values.get("quota", count))
        made.append(Accelerator(label, count, most, quota, values.get("group", ""), float(values.get("memory", 24.0))))
    site.accelerators = tuple(made)


def _read_profiles(site: Site, words: list[str]) -> None:
    made = []
    for word in words:
        size, values = _split(word, {"group": str})
        cpu, _, memory = size.partition("x")
        try:
            made.append(Profile(float(cpu), float(memory), values.get("group", "")))
        except ValueError:
            raise BadSite(f"{word!r} is not of the form {KINDS['cpu_profile'].partition(':')[0]}") from None
    site.profiles = tuple(made)


def _read_groups(site: Site, words: list[str]) -> None:
    made = []
    for word in words:
        name, values = _split(word, {"cpu": int, "memory": int, "gpu": int, "nodes": int})
        numbers = {key: int(value) for key, value in values.items()}
        made.append(replace(ResourceGroup(name), **numbers))  # type: ignore[arg-type]
    site.groups = tuple(made)


def _read_held(site: Site, words: list[str]) -> None:
    text = {"user": str, "project": str, "team": str, "type": str, "label": str, "group": str}
    made = []
    for word in words:
        name, values = _split(word, {**text, "cpu": float, "memory": float, "gpu": float})
        size = Size(**_numbers(values, ("cpu", "memory", "gpu")))
        user, project = values.get("user", "colleague"), values.get("project", "theirs")
        rest = (values.get("team", ""), size, values.get("label", ""), values.get("group", ""))
        made.append(Holding(name, values.get("type", "session"), user, project, *rest))
    site.held = tuple(made)


_READ = {
    "quota": _read_quotas,
    "accelerator": _read_accelerators,
    "cpu_profile": _read_profiles,
    "resource_group": _read_groups,
    "held": _read_held,
}
