"""What the palette offers on the screen of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from raytui.tui.keys import Key
from raytui.tui.offers import Command
from raytui.tui.operation import Request, restart_targets
from raytui.view.picture import Picture


def offered(
    keys: Iterable[Key],
    run: Callable[[str], object],
    picture: Picture | None,
    request: Callable[[Request], None] | None,
    choose_log: Callable[[], None],
) -> Iterable[Command]:
    """Its keys by name, and what has no key of its own; `request` is none where nothing may be changed."""
    for key in keys:
        if key.does.palette:
            yield Command(key.tooltip, f"key {key.written}", partial(run, key.does.action))
    if request is not None:
        for target in restart_targets(picture):
            restart = partial(request, Request("restart", target=target))
            yield Command(f"Restart {target}", "shows the plan first", restart)
        keep = partial(request, Request("stop", keep=True))
        yield Command("Stop the cluster and keep its applications", "shows the plan first", keep)
        purge = partial(request, Request("stop", purge=True))
        yield Command("Stop --purge: the cluster and all that is kept of it", "shows the plan first", purge)
    yield Command("Choose which log to show", "of every node and job", choose_log)
