"""Applications joined with their Ray nodes: both truths side by side in one row, the disagreement bright and the rest plain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from raytui.core.joined import Joined, Member
from raytui.core.kept import Kept, Moment
from raytui.core.snapshot import Application, Node
from raytui.tui.render.columns import Column, LazyRows, Row
from raytui.tui.render.text import Span, cells, clean, clock
from raytui.view.picture import Picture

BARS = "▁▂▃▄▅▆▇█"
FULL = 95.0
"""Percent from which a figure is marked."""
NONE: Span = ("", "muted")

COLUMNS = (
    Column("name", "NAME", 8),
    Column("platform", "PLATFORM", 8),
    Column("ray", "RAY", 7),
    Column("cpu", "CPU", 9, 17, right=True, rank=2),
    Column("memory", "MEMORY", 13, 14, right=True, rank=3),
    Column("store", "OBJ STORE", 9, right=True, rank=5),
    Column("gpu", "GPU", 11, 22, right=True, rank=4),
    Column("disk", "DISK", 6, right=True, rank=8),
    Column("ip", "NODE IP", 15, rank=7),
    Column("version", "VERSION", 8, rank=9),
    Column("up", "UP", 6, right=True, rank=1),
)
_INDEX = {column.id: n for n, column in enumerate(COLUMNS)}


class NodeRows:
    """The rows from picture to picture: the head, workers by index, then nodes that belong to no application.

    What is not looked at is not made, and what has to be known of every row is worked out again only for those that changed.
    """

    def __init__(self) -> None:
        self._items: Sequence[Member | Node] = ()
        self._measured: Kept[tuple[int, bool]] | None = None
        self._read: Kept[Row] | None = None
        self._picture: Picture | None = None
        self._blind = False
        self.columns: tuple[Column, ...] = COLUMNS
        """With room for the longest name; without any GPU the GPU column is the first to go."""

    def __len__(self) -> int:
        return len(self._items)

    def show(self, picture: Picture, *, stale: bool = False) -> None:
        """The rows of this picture. Those that only memory vouches for are muted and say `was`."""
        joined = picture.joined
        self._items = [*joined.in_place, *strays(joined)]
        self._picture = picture
        self._blind = stale or picture.snapshot.applications.value is None
        before = self._measured
        self._measured = Kept(before, _measure, (self._items,), now=picture.known.observed_at, context=self._blind)
        if before is None or self._measured.results is not before.results:
            self.columns = _columns(self._measured.results)

    def select(self, order: str = "name", text: str = "") -> LazyRows:
        """The rows with this text in their name, states or address, whatever the case, in the operator's order; equal ones keep theirs."""
        picture, items = self._picture, self._items
        if picture is None:
            return LazyRows((), _key, self._row)
        if text:
            items = self._matching(picture, text.casefold())
        if order != "name":
            # The state of a row that only memory vouches for is not known, and neither are its figures.
            items = sorted(items, key=lambda item: _weight(item, order, asked=picture.known.nodes.value is not None, blind=self._blind))
        return LazyRows(items, _key, self._row)

    def _matching(self, picture: Picture, wanted: str) -> list[Member | Node]:
        """To search them every row has to be made, so these are kept."""
        past = [picture.samples.get(node.node_id) if (node := _node(item)) is not None else None for item in self._items]
        context = (
            self._blind,
            picture.known.nodes.value is None,
            picture.snapshot.nodes.value is None,
            picture.snapshot.figures.failure is None,
        )

        def make(item: Member | Node, _: object, now: Moment) -> Row:
            return _row_of(item, picture, now, blind=self._blind)

        self._read = Kept(self._read, make, (self._items, past), now=picture.known.observed_at, context=context)
        pairs = zip(self._items, self._read.results, strict=True)
        return [item for item, row in pairs if any(wanted in cell.casefold() for cell, _ in row.cells)]

    def _row(self, item: Member | Node) -> Row:
        assert self._picture is not None
        return _row_of(item, self._picture, Moment(self._picture.known.observed_at), blind=self._blind)


def strays(joined: Joined) -> Iterator[Node]:
    """Living nodes that belong to no application of the cluster: somebody joined them by hand."""
    names = joined.names

    def stray(node: Node, _: Moment) -> Node | None:
        return node if node.state == "ALIVE" and node.name not in names else None

    return filter(None, joined.derive("strays", stray, joined.snapshot.nodes.value or (), context=(names,)))


def _columns(measured: Sequence[tuple[int, bool]]) -> tuple[Column, ...]:
    longest = max((width for width, _ in measured), default=8)
    with_gpu = any(gpu for _, gpu in measured)
    name = COLUMNS[0]._replace(width=min(max(8, longest), 24), wide=min(max(12, longest), 40))
    gpu = COLUMNS[_INDEX["gpu"]] if with_gpu else COLUMNS[_INDEX["gpu"]]._replace(rank=99, width=999)
    return tuple(name if c.id == "name" else gpu if c.id == "gpu" else c for c in COLUMNS)


def _measure(item: Member | Node, _: Moment) -> tuple[int, bool]:
    """The width of an item's name, and whether it shows GPUs."""
    living = _living(item)
    return cells(_name(item)), living is not None and living.cpu_percent is not None and bool(living.gpus)


def _key(item: Member | Node) -> str:
    return f"node:{item.node_id}" if isinstance(item, Node) else clean(item.application.short)


def _name(item: Member | Node) -> str:
    return clean(item.name or f"node-{item.node_id[:8]}") if isinstance(item, Node) else clean(item.application.short)


def _node(item: Member | Node) -> Node | None:
    return item if isinstance(item, Node) else item.node


def _living(item: Member | Node) -> Node | None:
    """The node whose figures are shown."""
    return item if isinstance(item, Node) else item.node if item.state == "ALIVE" else None


def _weight(item: Member | Node, order: str, *, asked: bool, blind: bool) -> float:
    if blind:
        return 0.0
    if order == "worst":
        if isinstance(item, Node):
            return 1.0
        roles = (_platform_role(item.application), _ray_word(item.application, item.state, asked=asked)[1])
        return min({"error": 0.0, "warn": 1.0, "accent": 2.0}.get(role, 3.0) for role in roles)
    living = _living(item)
    figure = None if living is None else living.cpu_percent if order == "cpu" else living.memory_used
    return 1.0 if figure is None else -figure


def _row_of(item: Member | Node, picture: Picture, now: Moment, *, blind: bool) -> Row:
    return _stray_row(picture, item) if isinstance(item, Node) else _application_row(picture, item, now, blind=blind)


def _application_row(picture: Picture, member: Member, now: Moment, *, blind: bool) -> Row:
    app, node, state = member.application, member.node, member.state
    name = clean(app.short)
    if blind:
        return _remembered(name, app, state, node)
    platform = (app.state, _platform_role(app))
    up = uptime(now.elapsed(app.started_at, 60.0)) if app.started_at and app.state == "running" else ""
    ray = _ray_word(app, state, asked=picture.known.nodes.value is not None)
    tail = _tail(picture, app, node, state)
    figures = _figures(picture, node if state == "ALIVE" else None)
    if tail is not None and state == "DEAD" and node is not None:
        figures["cpu"] = _was(picture, node)
    known = {"name": (name, ""), "platform": platform, "ray": ray, "up": (up, "muted"), "version": _version(app), **figures}
    start = "memory" if figures.get("cpu", NONE)[0] else "cpu"
    return Row(name, tuple(known.get(column.id, NONE) for column in COLUMNS), tail, _INDEX[start])


def _remembered(name: str, app: Application, state: str | None, node: Node | None) -> Row:
    known = {
        "name": (name, "muted"),
        "platform": ("?", "warn"),
        "ray": ("?", "warn"),
        "ip": (clean(node.ip) if node else "", "muted"),
    }
    told = f"was {app.state}" + (f", {state.lower()}" if state else "")
    return Row(name, tuple(known.get(column.id, NONE) for column in COLUMNS), (told, "muted"), _INDEX["cpu"])


def _stray_row(picture: Picture, node: Node) -> Row:
    name = clean(node.name or f"node-{node.node_id[:8]}")
    known = {"name": (name, ""), "platform": ("not ours", "warn"), "ray": ("alive", ""), **_figures(picture, node)}
    return Row(f"node:{node.node_id}", tuple(known.get(column.id, NONE) for column in COLUMNS))


def _platform_role(app: Application) -> str:
    return {"failed": "error", "unknown": "warn", "stopped": "muted", "starting": "accent", "stopping": "accent"}.get(app.state, "")


def _ray_word(app: Application, state: str | None, *, asked: bool) -> Span:
    if state == "ALIVE":
        return ("alive", "")
    if state == "DEAD":
        return ("DEAD", "error")
    if app.launcher and app.launcher.state == "unread" and not asked:
        return ("unread", "warn")
    if state == "UNKNOWN":
        return ("?", "warn")
    if app.state in {"starting", "running"} and app.launcher and app.launcher.state in {"starting", "waiting", "joining", "draining"}:
        return (app.launcher.state, "accent")
    if app.state != "running":
        return ("none", "muted")
    return ("absent" if asked else "?", "warn")


def _tail(picture: Picture, app: Application, node: Node | None, state: str | None) -> Span | None:
    """Why there are no figures, in the place where they would stand."""
    if app.state in {"failed", "stopped"}:
        why = app.message or (app.launcher.message if app.launcher else "")
        at = f"since {clock(app.ended_at)}" if app.ended_at else ""
        return (clean(why) or at or "no output of its own", "error" if app.state == "failed" else "muted")
    if state == "DEAD" and node is not None:
        at = f"since {clock(node.ended_at)}  " if node.ended_at else ""
        return (at + clean(node.message or node.reason), "error")
    if state == "ALIVE" and node is not None and node.cpu_percent is not None:
        return None
    if app.launcher and app.launcher.message and state != "ALIVE":
        return (clean(app.launcher.message), "muted")
    if picture.snapshot.nodes.value is None:
        return ("its node cannot be asked", "muted") if app.state == "running" else None
    if state == "ALIVE" and picture.snapshot.figures.failure is not None:
        return ("figures could not be read", "warn")
    return ("no figures yet", "muted") if state == "ALIVE" else None


def _figures(picture: Picture, node: Node | None) -> dict[str, Span]:
    if node is None or node.cpu_percent is None:
        return {"ip": (clean(node.ip), "muted")} if node else {}
    figures: dict[str, Span] = {"cpu": _cpu(picture, node), "ip": (clean(node.ip), "muted")}
    if node.memory_used is not None and node.memory_total:
        full = 100 * node.memory_used / node.memory_total >= FULL
        figures["memory"] = (f"{node.memory_used / 1e9:.1f} / {node.memory_total / 1e9:.0f} GB", "warn" if full else "")
    if node.object_store_used is not None:
        figures["store"] = (f"{node.object_store_used / 1e9:.1f} GB", "")
    if node.disk_used is not None and node.disk_total:
        percent = 100 * node.disk_used / node.disk_total
        figures["disk"] = (f"{percent:.0f} %", "warn" if percent >= FULL else "muted")
    if node.gpus:
        figures["gpu"] = _gpus(node)
    return figures


def _cpu(picture: Picture, node: Node) -> Span:
    percent = node.cpu_percent or 0.0
    past = [value for _, value in picture.samples.get(node.node_id, ())][-SPARK:]
    return (f"{spark(past)} {percent:3.0f} %", "")


def _was(picture: Picture, node: Node) -> Span:
    past = picture.samples.get(node.node_id)
    return (f"was {past[-1][1]:3.0f} %", "muted") if past else NONE


SPARK = 11
"""Samples drawn at most; the column cuts older ones."""


def spark(values: list[float], top: float = 100.0) -> str:
    """Values from 0 to `top` as bars of one cell each."""
    last = len(BARS) - 1
    return "".join(BARS[min(last, max(0, round(value / top * last)))] for value in values)


def _gpus(node: Node) -> Span:
    used = " ".join(f"{gpu.utilization:.0f}" for gpu in node.gpus)
    text = f"{used} %" if len(node.gpus) <= 4 else f"{len(node.gpus)} x {sum(g.utilization for g in node.gpus) / len(node.gpus):.0f} %"
    return (text, "")


def _version(app: Application) -> Span:
    return (clean(app.launcher.ray_version), "muted") if app.launcher else NONE


def uptime(seconds: float) -> str:
    """A running time in steps of a minute, so that it changes rarely: `4m`, `2h14`, `3d02`."""
    whole = int(max(0.0, seconds)) // 60
    if whole < 60:
        return f"{whole}m"
    if whole < 1440:
        return f"{whole // 60}h{whole % 60:02d}"
    return f"{whole // 1440}d{whole % 1440 // 60:02d}"


ORDERS = ("name", "worst", "cpu", "memory")
"""How rows can be ordered; by name they never move."""


def title_of(picture: Picture) -> str:
    """How many applications there are, when that is more than a screen tells."""
    count = len(picture.known.applications.value or ())
    return f"Applications ({count})" if count > 8 else "Applications"
