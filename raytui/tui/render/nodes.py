"""Applications joined with their Ray nodes: both truths side by side in one row, the disagreement bright and the rest plain."""

from __future__ import annotations

from raytui.core.joined import join
from raytui.core.snapshot import Application, Node, Snapshot
from raytui.tui.render.columns import Column, Row
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


def columns_for(rows: tuple[Row, ...]) -> tuple[Column, ...]:
    """The columns with room for the longest name; without any GPU the GPU column is the first to go."""
    longest = max((cells(row.cells[0][0]) for row in rows), default=8)
    with_gpu = any(row.cells[_INDEX["gpu"]][0] for row in rows)
    name = COLUMNS[0]._replace(width=min(max(8, longest), 24), wide=min(max(12, longest), 40))
    gpu = COLUMNS[_INDEX["gpu"]] if with_gpu else COLUMNS[_INDEX["gpu"]]._replace(rank=99, width=999)
    return tuple(name if c.id == "name" else gpu if c.id == "gpu" else c for c in COLUMNS)


def node_rows(picture: Picture, *, stale: bool = False) -> tuple[Row, ...]:
    """Head, workers by index, then nodes that belong to no application. Rows that only memory vouches for are muted and say `was`."""
    blind = stale or picture.snapshot.applications.value is None
    shown = picture.known
    applications = shown.applications.value or ()
    in_place = sorted(applications, key=lambda app: (app.role != "head", app.index))
    rows = [_application_row(picture, shown, app, blind=blind) for app in in_place]
    joined = join(shown)
    rows += [_stray_row(picture, node) for node in shown.nodes.value or () if joined.namesake(node) is None and node.state == "ALIVE"]
    return tuple(rows)


def reuse(before: tuple[Row, ...], after: tuple[Row, ...]) -> tuple[Row, ...]:
    """`after`, with the very row objects of `before` where nothing changed."""
    old = {row.key: row for row in before}
    return tuple(known if (known := old.get(row.key)) == row else row for row in after)


def _application_row(picture: Picture, shown: Snapshot, app: Application, *, blind: bool) -> Row:
    joined = join(shown)
    node, (_, state) = joined.node_of(app), joined.state_of(app)
    name = clean(app.short)
    if blind:
        return _remembered(name, app, state, node)
    platform = (app.state, _platform_role(app))
    up = uptime(shown.observed_at - app.started_at) if app.started_at and app.state == "running" else ""
    ray = _ray_word(app, state, asked=shown.nodes.value is not None)
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


def ordered(rows: tuple[Row, ...], order: str) -> tuple[Row, ...]:
    """Rows in the operator's order; equal ones keep their place."""
    if order == "worst":
        weight = {"error": 0, "warn": 1, "accent": 2}
        return tuple(sorted(rows, key=lambda row: min(weight.get(role, 3) for _, role in row.cells[:3])))
    if order in {"cpu", "memory"}:
        at = _INDEX[order]
        return tuple(sorted(rows, key=lambda row: -_number(row.cells[at][0])))
    return rows


def matching(rows: tuple[Row, ...], text: str) -> tuple[Row, ...]:
    """Rows with the text in their name, states or address, whatever the case."""
    wanted = text.casefold()
    return tuple(row for row in rows if any(wanted in cell.casefold() for cell, _ in row.cells)) if wanted else rows


def _number(text: str) -> float:
    digits = [part for part in text.replace("%", " ").split() if part.replace(".", "", 1).isdigit()]
    return float(digits[0]) if digits else -1.0


def title_of(picture: Picture) -> str:
    """How many applications there are, when that is more than a screen tells."""
    count = len(picture.known.applications.value or ())
    return f"Applications ({count})" if count > 8 else "Applications"
